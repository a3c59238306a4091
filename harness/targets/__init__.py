"""Targets: services under test, in any language, each described by one TOML file."""

from harness.targets.format import TargetFile
from harness.targets.loading import Loaded, load_target

__all__ = ["Loaded", "TargetFile", "load_target"]
