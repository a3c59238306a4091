"""``python -m harness.cli`` is the same as ``paidonce``."""

from harness.cli.main import run

run()
