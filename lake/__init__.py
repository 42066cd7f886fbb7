"""The ground floor: where the lake is, what its tables hold, and the only ways to write to them."""
