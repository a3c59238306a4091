"""What ``benchmarks/generator.py`` measures with."""
