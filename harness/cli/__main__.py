"""``python -m paidonce.harness.cli`` is the same as ``paidonce``."""

from paidonce.harness.cli.entry import run

run()
