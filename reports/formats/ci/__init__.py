"""What a check found, for the places where a team reads it: one writer for each."""

from reports.formats.ci.annotations import annotation
from reports.formats.ci.comment import comment
from reports.formats.ci.sarif import sarif
from reports.formats.ci.source_line import line_of

__all__ = ["annotation", "comment", "line_of", "sarif"]
