"""One writer a format: HTML, JUnit, Markdown, terminal, picture, tables, results.json, and ``ci``
for annotations, comments and SARIF.

Imports every other part of the reports; nobody but the reports' face and the command line
imports a format.
"""
