"""A test bed: a running service with everything that surrounds it.

``stack`` opens what a command needs once and makes benches on it, ``bench`` is one service with
its taps, which ``openers`` put there, ``execution`` one execution of a script on it, ``outside``
what happens to it from outside, ``final_state`` looks at the world when it has come to rest, the
others make each execution begin as the first did.

Imports backends, taps and services. Others use ``open_stack``, ``Stack``, ``Bench``,
``Subject`` and ``Execution``.
"""
