"""A target under load: as it is, and with each fix made on the way, in turns.

Imports the run, and bursts of the check. Others use ``FixLoad`` and ``ways_of``.
"""

from paidonce.harness.targets.load.costs import FixLoad
from paidonce.harness.targets.load.playing import Pressure
from paidonce.harness.targets.load.ways import WayToRun, ways_of

__all__ = ["FixLoad", "Pressure", "WayToRun", "ways_of"]
