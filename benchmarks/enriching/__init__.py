"""The benchmark of `pairlake enrich`, beside the bare models."""
