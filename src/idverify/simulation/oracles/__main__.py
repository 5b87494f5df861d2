"""python -m idverify.simulation.oracles."""

from __future__ import annotations

import sys

from idverify.simulation.oracles.running import main

if __name__ == "__main__":
    sys.exit(main())
