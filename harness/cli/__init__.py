"""The command line: a command a module, and what commands share.

``main`` has the list of commands and imports each only as it is called, so that ``--help`` is
quick; ``helping`` is what the help says besides, ``options`` the options that several commands
have, ``leaving`` the way out, with its exit code.

May import all of the harness, the scenarios and the reports. Nobody uses it but ``paidonce`` and
``python -m paidonce``.
"""
