"""HTTP as the harness speaks it: requests, one client, its TLS context, and answers in one line.

The client (``client``) can stop one byte short of a request's end, which is how bursts are made,
and costs a tenth of a general one.

Imports nothing of the harness. Others use ``Request``, ``Answer``, ``Wire``, ``Wires``.
"""
