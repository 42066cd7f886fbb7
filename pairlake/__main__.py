"""The program `pairlake`, or `python -m pairlake`: Ctrl-C is a line from its first import on."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the commands; what they import may take a second of a busy machine."""
    try:
        from pairlake.commands import main as commands

        commands(prog_name="pairlake")
    except KeyboardInterrupt:
        print("Interrupted; what had landed is kept.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
