"""``python -m paidonce`` is the command ``paidonce``."""

from paidonce.harness.cli.entry import run

run()
