"""The parts of ``kills.py``: a trial's processes, and what it has written."""
