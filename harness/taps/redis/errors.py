"""Errors that a Redis answers to any command, and how a server is brought to answer one.

The words are those of ``createSharedObjects`` in Redis's server.c; a transaction whose EXEC meets
one is discarded (``execCommandAbort`` in multi.c).
"""

from __future__ import annotations

from paidonce.harness.taps.faults import ErrorAnswer, Faults, LostAnswer, NoContact

ERRORS = {
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "READONLY": "READONLY You can't write against a read only replica.",
    "OOM": "OOM command not allowed when used memory > 'maxmemory'.",
}
FAULTS = Faults(request=(NoContact(), *map(ErrorAnswer, ERRORS)), answer=(LostAnswer(),))

_ENDS = frozenset(("EXEC", "DISCARD"))
_NEVER = frozenset(("CLIENT", "RESET", "UNWATCH"))
"""Commands whose change of a connection could not be followed if the server did not make it."""
_UNKNOWN, _DISCARD = b"*1\r\n$14\r\nPAIDONCE.FAULT\r\n", b"*1\r\n$7\r\nDISCARD\r\n"


def in_place_of(name: str, error: str) -> tuple[bytes, str] | None:
    """Return what the server is sent in the place of a command, and what the client is told then.

    A command that the server does not know is answered by an error in its turn, and spoils a
    transaction as any other error does. None where there is no such error.
    """
    said = ERRORS.get(error)
    if said is None or name in _NEVER:
        return None
    if name in _ENDS:
        return _DISCARD, f"EXECABORT Transaction discarded because of: {said}"
    return _UNKNOWN, said
