"""Entry point of the ``paidonce`` command.

It imports the rest by itself: that takes seconds on a busy machine, and who types Ctrl-C meanwhile
is told no more than later.
"""

from __future__ import annotations

import gc
import sys

_INTERRUPTED = 130
"""As ``paidonce.harness.cli.leaving`` has it, which is not imported yet."""


def run() -> None:
    """Runs the command line and leaves with its exit code."""
    gc.disable()  # until all is imported: see ``leaves``
    try:
        from paidonce.harness.cli import main

        main.run()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        exec("pass")  # noqa: S102 - see ``leaving.forget_interrupted_text``
        sys.exit(_INTERRUPTED)
