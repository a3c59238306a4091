"""Taps: what sits between the service under test and its dependencies, records and holds.

``tap`` is what every tap is, ``gate`` the one interface by which calls are held; ``held`` carries
what is, and ``proxy`` is what taps for byte streams share. Imports histories and processes. Others
use ``Tap``, ``Gate``, ``Call`` and one tap a protocol.
"""
