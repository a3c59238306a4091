"""Which path does what: routes, their parameters, expansion and lists.

Imports the domain and the wire.

``api`` uses ``routes``, which finds what a path does.
"""
