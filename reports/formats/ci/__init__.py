"""Findings of a check in the places where a team reads them: one writer for each.

Imports results and checkers' words. The command line uses the names below.
"""

from paidonce.reports.formats.ci.annotations import annotation
from paidonce.reports.formats.ci.comment import comment
from paidonce.reports.formats.ci.sarif import sarif
from paidonce.reports.formats.ci.source_line import line_of

__all__ = ["annotation", "comment", "line_of", "sarif"]
