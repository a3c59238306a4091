"""Following a session at the least cost, while nobody records or holds it.

Bytes have passed on already when they come here. Only headers are looked at, and the few
messages that leave something behind: names given to statements, their parameters' types, the
transaction status. So a tap can begin to record or hold at any moment at which the session is at
rest, and know all it would know had it watched from the start, except portals.

This is the one place where speed decides the style. A transaction of pgbench costs a proxy of
this kind some 20 µs, nearly all of it system calls, and every call of Python between two of those
adds to it, three times as much as in a loop: nothing of it is in the processor's caches. So what
passes is only kept, and looked at many pieces at a time, or when somebody wants to know.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import cast

from paidonce.harness.taps.postgres import backend, frontend
from paidonce.harness.taps.postgres.assembler import Prepared
from paidonce.harness.taps.postgres.frames import LARGE_LIMIT, Frame
from paidonce.harness.taps.postgres.lasting import SETS
from paidonce.harness.taps.postgres.session import Session
from paidonce.harness.taps.postgres.units import Expected
from paidonce.harness.taps.protocol_error import ProtocolError

_header = struct.Struct("!BI").unpack_from
_int = int.from_bytes

_Q, _S, _F, _B, _E, _P, _C, _D = b"QSFBEPCD"
_READY, _PARSED, _CLOSED, _ROWS, _TYPES, _COMPLETE, _SETTING, _COPY_IN, _COPY_BOTH = b"Z13TtCSGW"
_ENDS = frozenset((_Q, _S, _F))
_RUNS = frozenset((_B, _E))
_NAMES = frozenset((_P, _C, _D))
_HEARD_OF_INTEREST = frozenset((_READY, _PARSED, _CLOSED, _TYPES, _SETTING, _COPY_IN, _COPY_BOTH))
_DISCARDS = ord("D")

_STATUS = {code: chr(code) for code in b"ITE"}
_READY_SIZE = 6

BATCH = 256
"""Entries of ``kept`` to look at in one go; some hundred microseconds."""
LARGE = 16_384
"""Bytes of a piece that is not kept, so that what is kept has its bounds."""

_QUERY, _SYNC = Expected("Q"), Expected("S")


class Skim:
    """Keeps ``session`` up to date from bytes of both directions, which must begin at a message.

    ``front`` and ``back`` take them in pieces of any size and raise ``ProtocolError``; so does
    ``catch_up``, which takes pieces that were ``kept``. What is still to be answered stands in
    line: the ends of units, and those extended-query messages whose success matters.
    """

    __slots__ = (
        "_back_at",
        "_back_plain",
        "_back_rest",
        "_back_skip",
        "_copying",
        "_described",
        "_front_at",
        "_front_plain",
        "_front_rest",
        "_front_skip",
        "_line",
        "_open",
        "_session",
        "kept",
    )

    def __init__(self, session: Session, *, front_offset: int, back_offset: int) -> None:
        self._session = session
        self.kept: list[bytes | None] = []
        self._line: deque[Expected] = deque()
        self._front_rest = self._back_rest = b""
        self._front_skip = self._back_skip = 0
        self._front_at = front_offset
        self._back_at = back_offset
        self._front_plain = self._back_plain = True
        self._copying = False
        self._open = False
        self._described: Prepared | None = None

    @property
    def at_rest(self) -> bool:
        """Return whether everything sent was answered, and both directions are between messages."""
        return not (
            self._line
            or self._open
            or self._front_rest
            or self._front_skip
            or self._back_rest
            or self._back_skip
        )

    @property
    def offsets(self) -> tuple[int, int]:
        """Return how many bytes have been sent and received on the connection."""
        return self._front_at, self._back_at

    def catch_up(self) -> None:
        """Look at what is ``kept``: pieces in the order they passed, None before a client's."""
        kept = iter(self.kept)
        for data in kept:
            if data is None:
                self.front(cast(bytes, next(kept)))
            else:
                self.back(data)
        self.kept.clear()

    # --- what the client sends -------------------------------------------------------

    def front(self, data: bytes) -> None:
        """Bytes the client has sent."""
        # By far the commonest: one simple query, or an extended one that gives no names.
        if self._front_plain:
            size, at = len(data), 0
            while at + 5 <= size:
                kind, length = _header(data, at)
                end = at + 1 + length
                if kind == _Q and end == size:
                    self._line.append(_QUERY)
                    if data[at + 5 : at + 8] in SETS:
                        self._session.lasting.sent(data[at + 5 : end - 1].decode(errors="replace"))
                elif kind == _S and end == size:
                    self._line.append(_SYNC)
                elif kind in _RUNS or (kind == _D and data[at + 5 : at + 6] == b"P"):
                    at = end
                    continue
                else:
                    break
                self._front_at += size
                return
        self._front(data)
        self._front_plain = not (
            self._front_skip or self._front_rest or self._copying or self._open
        )

    def _front(self, data: bytes) -> None:
        size = len(data)
        self._front_at += size
        at = self._front_skip
        if at >= size:
            self._front_skip = at - size
            return
        if self._front_rest:
            data = self._front_rest + data
            self._front_rest = b""
            size = len(data)
        while at + 5 <= size:
            kind, length = _header(data, at)
            if not 4 <= length <= LARGE_LIMIT:
                raise _malformed("frontend", kind, length, self._front_at - size + at)
            end = at + 1 + length
            if kind in _ENDS:
                if kind != _S:
                    self._line.append(_QUERY)
                    self._open = False
                    if data[at + 5 : at + 8] in SETS and end <= size:
                        self._session.lasting.sent(data[at + 5 : end - 1].decode(errors="replace"))
                elif not self._copying:  # else the server ignores it (section 54.2.6)
                    self._line.append(_SYNC)
                    self._open = False
            elif kind in _RUNS:
                self._open = True
            elif kind in _NAMES:
                if end > size:
                    break
                if kind != _D or data[at + 5] == _S:
                    self._named(data[at:end])
                else:
                    self._open = True  # a portal's description leaves nothing behind
            at = end
        self._front_skip = at - size if at > size else 0
        if at < size:
            self._front_rest = data[at:]

    def _named(self, raw: bytes) -> None:
        """A message that gives or takes a name, or asks what one stands for."""
        self._open = True
        names = self._session.statements
        match frontend.decode(Frame(raw[0], raw, self._front_at)):
            case frontend.Parse(name, sql, types):
                new = Prepared(sql, name, types)
                self._line.append(Expected("P", (names, name, names.get(name)), new))
                if sql[:3].encode() in SETS:
                    self._session.lasting.sent(sql)
                names[name] = new
            case frontend.Close("S", name):
                self._line.append(Expected("C", (names, name, names.pop(name, None))))
            case frontend.Close():
                self._line.append(Expected("C"))
            case frontend.Describe(_, name):
                self._line.append(Expected("D", None, names.get(name)))
            case _:
                raise AssertionError(f"message {raw[:1]!r} neither gives nor takes a name")

    # --- what the server sends -------------------------------------------------------

    def back(self, data: bytes) -> None:
        """Bytes the server has sent."""
        # By far the commonest: the whole answer to one unit, with nothing in it to remember.
        if self._back_plain:
            size, at = len(data), 0
            last = size - _READY_SIZE
            while at < last:
                kind, length = _header(data, at)
                if kind in _HEARD_OF_INTEREST or (kind == _COMPLETE and data[at + 5] == _DISCARDS):
                    break
                at += length + 1
            line = self._line
            if (
                at == last
                and data[at] == _READY
                and line
                and (line[0] is _QUERY or line[0] is _SYNC)
            ):
                del line[0]
                self._session.status = _STATUS[data[-1]]
                self._back_at += size
                return
        self._back(data)
        self._back_plain = not (
            self._back_skip or self._back_rest or self._copying or self._described
        )

    def _back(self, data: bytes) -> None:
        size = len(data)
        self._back_at += size
        at = self._back_skip
        if at >= size:
            self._back_skip = at - size
            return
        if self._back_rest:
            data = self._back_rest + data
            self._back_rest = b""
            size = len(data)
        while at + 5 <= size:
            kind, length = _header(data, at)
            if not 4 <= length <= LARGE_LIMIT:
                raise _malformed("backend", kind, length, self._back_at - size + at)
            end = at + 1 + length
            if kind in _HEARD_OF_INTEREST:
                if end > size:
                    break
                if kind == _READY:
                    self._ready(data[at + 5])
                else:
                    self._heard(kind, Frame(kind, data[at:end], self._back_at))
            elif kind == _COMPLETE:
                if end > size:
                    break
                if data[at + 5] == _DISCARDS:
                    self._session.forget(data[at + 5 : end - 1].decode("utf-8", "replace"))
            elif kind == _ROWS and self._described is not None:
                if end > size:
                    break
                self._heard(kind, Frame(kind, data[at:end], self._back_at))
            at = end
        self._back_skip = at - size if at > size else 0
        if at < size:
            self._back_rest = data[at:]

    def _ready(self, code: int) -> None:
        self._session.status = _STATUS.get(code, "I")
        self._copying = False
        self._described = None
        line = self._line
        while line:
            expected = line.popleft()
            if expected is _QUERY or expected is _SYNC:
                break
            expected.revert()  # after an error the server skipped it

    def _heard(self, kind: int, frame: Frame) -> None:
        line = self._line
        match backend.decode(frame):
            case backend.ParameterStatus(name, value):
                self._session.parameters[name] = value
            case backend.CopyResponse():
                self._copy_in()
            case backend.RowDescription(columns):
                if self._described is not None:
                    self._described.columns = columns
                self._described = None
            case backend.ParameterDescription(types):
                if line and isinstance(line[0].about, Prepared):
                    self._described = line[0].about
                    self._described.types = types
                if line and line[0].kind == "D":
                    line.popleft()
            case _:  # Parse or Close was carried out
                if line and line[0].kind == ("P" if kind == _PARSED else "C"):
                    line.popleft()

    def _copy_in(self) -> None:
        """A Sync that stands next in line is void: another one ends the unit."""
        if self._line and self._line[0] is _SYNC:
            self._line.popleft()
            self._open = not self._line
        else:
            self._copying = True
        self._front_plain = False


def _malformed(side: str, kind: int, length: int, offset: int) -> ProtocolError:
    return ProtocolError(f"{side} message 0x{kind:02x} of length {length}", offset)
