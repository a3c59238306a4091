"""Load runs as panels, tables and curves, and advice which guard to choose.

Imports charts and results.

Formats use one function a panel or table.
"""
