"""Targets: services under test, in any language, each described by one TOML file."""

from harness.targets.file.format import TargetFile
from harness.targets.file.loading import Loaded, load_target

__all__ = ["Loaded", "TargetFile", "load_target"]
