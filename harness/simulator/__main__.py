"""``python -m paidonce.harness.simulator``."""

from __future__ import annotations

import sys

from paidonce.harness.simulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
