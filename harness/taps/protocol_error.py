"""The error of a byte stream that is not what its protocol allows."""

from __future__ import annotations


class ProtocolError(Exception):
    """A peer sent bytes that mean nothing; the text says what was wrong and where.

    ``offset`` counts bytes from the beginning of the connection, in the peer's direction.
    """

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(f"{problem}, at byte {offset} of the connection")
        self.problem = problem
        self.offset = offset
