"""What ``benchmarks/exploration.py`` compares: ours, isolationtester, frontrun."""
