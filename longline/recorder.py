"""`python -m longline.recorder FILE WORD…`: notes that it was called, and does nothing else.

The demo gives it to its agent in the place of what reboots, switches off and restarts.
"""

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    file, *words = arguments
    with Path(file).open("a", encoding="utf-8") as notes:
        notes.write(" ".join(words) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
