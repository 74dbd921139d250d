"""python -m pocket_fast: the same as the console script."""

import sys

from pocket_fast.cli import main

if __name__ == "__main__":
    sys.exit(main())
