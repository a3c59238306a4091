"""Taps: what sits between the service under test and its dependencies, records and holds."""
