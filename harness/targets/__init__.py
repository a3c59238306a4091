"""Targets: services under test, in any language, each described by one TOML file.

``file`` is the file, ``run`` plays it, ``check`` judges it. Imports explorations and test beds.
Others use ``load_target``.
"""

from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.loading import Loaded, load_target

__all__ = ["Loaded", "TargetFile", "load_target"]
