"""A timeline: one order's story as a picture of lanes, for histories without a witness.

Imports charts and ``reports.order``. Others use ``timeline`` and ``timeline_picture``.
"""
