"""What several processes, machines and writers cost and bring."""
