"""Drawings as SVG, with data in and text out: bars, curves, stacks, scales of time.

Imports words. Others use the elements of ``svg`` and one function a chart.
"""
