"""The benchmark of `pairlake fetch`, beside img2dataset and beside the bare work."""
