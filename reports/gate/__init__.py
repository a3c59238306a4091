"""What a check found, for the places where a team reads it: one writer for each."""

from reports.gate.annotations import annotation
from reports.gate.comment import comment
from reports.gate.places import line_of
from reports.gate.sarif import sarif

__all__ = ["annotation", "comment", "line_of", "sarif"]
