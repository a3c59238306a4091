"""The footprint of SQL, read from its text, its parameters and the database's catalog.

``statement`` reads one statement into ``effects``, by ``queries`` and ``changes``; a ``template``
completes them with parameters to a ``statement_footprint``, and ``footprints`` keeps them, so that
each text is read once. ``transaction`` follows a ``session`` through what it sends.

Imports SQL trees and the model of footprints. Others use ``Catalog``, ``Footprints`` and
``TransactionTracker``.
"""
