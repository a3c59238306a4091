"""The simulator as a server: HTTP/1.1 on one loopback port.

Imports the pipeline of calls. Others use ``serve``.
"""
