"""What a picture's own bytes say of its rights and its origin, before they are thrown away."""
