"""``python -m harness.cli`` is the same as ``paidonce``."""

from harness.cli.entry import run

run()
