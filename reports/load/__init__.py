"""What load runs say, as panels, tables and curves, and which guard to choose.

Imports charts and results.
"""
