"""A target file in action: its service, its clients, its script, what is observed and reset.

Imports the file, test beds and explorations. Others use ``TargetSubject``, ``script_of`` and
``request_for``.
"""
