"""Which path does what: routes, their parameters, expansion and lists.

Imports the domain and the wire.
"""
