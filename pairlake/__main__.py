"""`python -m pairlake` is the command `pairlake`."""

from pairlake.commands import main

main(prog_name="pairlake")
