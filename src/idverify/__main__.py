"""`python -m idverify` is `idverify`."""

import sys

from idverify.cli import main

if __name__ == "__main__":
    sys.exit(main())
