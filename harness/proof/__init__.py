"""The matrix: every scenario against every variant, and what came of each cell.

``plan`` says what is to be proved and keeps what has been found so far, ``cell_search`` searches
a cell within its share of the time, ``matrix`` does them all.

Imports explorations, scenarios and test beds. Others use ``ProofPlan``, ``Findings`` and
``prove``.
"""
