"""The sweep of ``cancels`` as a command: ``sweep.py ORDER``."""

import sys
from types import SimpleNamespace

from crossing import cancels

cancels(SimpleNamespace(verb="sweep", order=sys.argv[1]))
