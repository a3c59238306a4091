"""HTTP as the harness speaks it: requests, one client, its TLS context, and answers in one line.

The client (``client``) can stop one byte short of a request's end, which is how bursts are made,
and costs a twentieth of a general one; ``once`` asks one thing on a connection of its own.

Imports nothing of the harness. Others use ``Request``, ``Answer``, ``Wire``, ``Wires`` and
``ask_once``.
"""
