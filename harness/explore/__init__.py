"""Exploration: every interleaving of a few attempts that differs, chosen at the taps."""
