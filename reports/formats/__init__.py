"""One writer a format: HTML, JUnit, Markdown, terminal, picture, tables, results.json, and ``ci``
for annotations, comments and SARIF.

Imports every other part of the reports; nobody but the reports' face and the command line
imports a format. A new file of every report is a module here with its ``FORMAT``, and its line in
``_ALL``.
"""

from __future__ import annotations

from paidonce.reports.formats import html, junit, markdown, store, tables
from paidonce.reports.formats.report_format import ReportFormat

__all__ = ["FORMATS", "ReportFormat"]

_ALL: tuple[ReportFormat, ...] = (
    store.FORMAT,
    html.FORMAT,
    markdown.FORMAT,
    junit.FORMAT,
    tables.FORMAT,
)

FORMATS: dict[str, ReportFormat] = {written.name: written for written in _ALL}
"""The files of every report by the format's name, in the order in which they are listed."""
