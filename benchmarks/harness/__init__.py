"""What all benchmarks use: processes that are measured, peers, tables, stores, pictures."""
