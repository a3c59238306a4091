"""What happened to one order as a picture of lanes over time, for histories without a witness.

Imports charts and ``reports.order``. Others use ``timeline`` and ``timeline_picture``.
"""
