"""The target file: its format, and whether it makes sense, before anything is started.

``format`` is TOML as structs, ``shape_check`` and ``meaning_check`` name file, key and
expectation where it is wrong, ``placeholders`` and ``captures`` are the small languages within.

Imports words that all share. Others use ``load_target``, ``Loaded`` and ``TargetFile``.
"""
