"""The messages of a client: those of section 54.7 marked (F), as values; bytes in, values out."""

from __future__ import annotations

from typing import Literal

import msgspec

from paidonce.harness.taps.postgres.decode_cache import Remembered
from paidonce.harness.taps.postgres.fields import Reader
from paidonce.harness.taps.postgres.frames import (
    CANCEL_REQUEST,
    GSSENC_REQUEST,
    SSL_REQUEST,
    STARTUP,
    Frame,
    Frames,
)

Subject = Literal["S", "P"]
"""Prepared statement or portal."""


class SSLRequest(msgspec.Struct, frozen=True):
    """May the connection be encrypted by TLS?"""


class GSSENCRequest(msgspec.Struct, frozen=True):
    """May the connection be encrypted by GSSAPI?"""


class CancelRequest(msgspec.Struct, frozen=True):
    """On a connection of its own: cancel what session ``pid`` is doing.

    ``key`` has 4 bytes in protocol 3.0, up to 256 in 3.2.
    """

    pid: int
    key: bytes


class StartupMessage(msgspec.Struct, frozen=True):
    """The first message of a session; ``version`` is (major, minor)."""

    version: tuple[int, int]
    parameters: tuple[tuple[str, str], ...]


class AuthenticationResponse(msgspec.Struct, frozen=True):
    """A password, or a step of SASL or GSSAPI: which, depends on what the server asked for.

    All of them share one type byte; nothing here looks inside, since it is secret.
    """

    data: bytes


class Query(msgspec.Struct, frozen=True):
    """Simple query: SQL text, possibly several statements."""

    sql: str


class Parse(msgspec.Struct, frozen=True):
    """Prepare ``sql`` as ``name`` ("" is the unnamed statement); ``types`` are OIDs, 0 unsaid."""

    name: str
    sql: str
    types: tuple[int, ...] = ()


class Bind(msgspec.Struct, frozen=True):
    """Make ``portal`` from prepared ``statement`` and parameter values.

    ``formats`` and ``results`` are format codes, 0 text and 1 binary: none (all text), one for
    all, or one each.
    """

    portal: str
    statement: str
    formats: tuple[int, ...] = ()
    values: tuple[bytes | None, ...] = ()
    results: tuple[int, ...] = ()


class Describe(msgspec.Struct, frozen=True):
    """Ask for the description of a prepared statement (``S``) or a portal (``P``)."""

    subject: Subject
    name: str


class Execute(msgspec.Struct, frozen=True):
    """Run ``portal``; ``limit`` rows at most, 0 for all."""

    portal: str
    limit: int = 0


class Close(msgspec.Struct, frozen=True):
    """Forget a prepared statement (``S``) or a portal (``P``)."""

    subject: Subject
    name: str


class Flush(msgspec.Struct, frozen=True):
    """Send what answers there are."""


class Sync(msgspec.Struct, frozen=True):
    """End of an extended query: commit an implicit transaction, answer ReadyForQuery."""


class FunctionCall(msgspec.Struct, frozen=True):
    """Call function ``oid`` (section 54.2.8, obsolete, still allowed)."""

    oid: int
    formats: tuple[int, ...] = ()
    values: tuple[bytes | None, ...] = ()
    result: int = 0


class CopyData(msgspec.Struct, frozen=True):
    """A piece of COPY data."""

    data: bytes


class CopyDone(msgspec.Struct, frozen=True):
    """All COPY data has been sent."""


class CopyFail(msgspec.Struct, frozen=True):
    """COPY is to fail, with this text."""

    reason: str


class Terminate(msgspec.Struct, frozen=True):
    """The session ends."""


FrontendMessage = (
    SSLRequest
    | GSSENCRequest
    | CancelRequest
    | StartupMessage
    | AuthenticationResponse
    | Query
    | Parse
    | Bind
    | Describe
    | Execute
    | Close
    | Flush
    | Sync
    | FunctionCall
    | CopyData
    | CopyDone
    | CopyFail
    | Terminate
)

_NAMES = {
    "p": "AuthenticationResponse",
    "Q": "Query",
    "P": "Parse",
    "B": "Bind",
    "D": "Describe",
    "E": "Execute",
    "C": "Close",
    "H": "Flush",
    "S": "Sync",
    "F": "FunctionCall",
    "d": "CopyData",
    "c": "CopyDone",
    "f": "CopyFail",
    "X": "Terminate",
}
_EMPTY: dict[str, type[Flush] | type[Sync] | type[CopyDone] | type[Terminate]] = {
    "H": Flush,
    "S": Sync,
    "c": CopyDone,
    "X": Terminate,
}


_REMEMBERED: Remembered[FrontendMessage] = Remembered("PDESHC")


def decode(frame: Frame) -> FrontendMessage:
    """A frame's message. Raises ``ProtocolError`` when its body is not what its type says."""
    if frame.kind == STARTUP:
        return _decode_startup(Reader(frame.body, frame.body_offset, "startup packet"))
    if (known := _REMEMBERED.get(frame)) is not None:
        return known
    kind = chr(frame.kind)
    reader = Reader(frame.body, frame.body_offset, _NAMES.get(kind, f"message {kind!r}"))
    found = _decode_typed(kind, reader)
    reader.end()
    return _REMEMBERED.keep(frame, found)


def _decode_typed(kind: str, reader: Reader) -> FrontendMessage:
    match kind:
        case "Q":
            return Query(reader.text("query"))
        case "P":
            name, sql = reader.text("statement name"), reader.text("query")
            types = tuple(reader.oid("type") for _ in range(reader.count16("number of types")))
            return Parse(name, sql, types)
        case "B":
            portal, statement = reader.text("portal name"), reader.text("statement name")
            formats = _formats(reader)
            return Bind(portal, statement, formats, _values(reader), _formats(reader))
        case "D":
            return Describe(_subject(reader), reader.text("name"))
        case "C":
            return Close(_subject(reader), reader.text("name"))
        case "E":
            return Execute(reader.text("portal name"), reader.int32("row limit"))
        case "F":
            oid, formats = reader.oid("function"), _formats(reader)
            return FunctionCall(oid, formats, _values(reader), reader.int16("result format"))
        case "d":
            return CopyData(reader.rest())
        case "f":
            return CopyFail(reader.text("reason"))
        case "p":
            return AuthenticationResponse(reader.rest())
        case _ if kind in _EMPTY:
            return _EMPTY[kind]()
    raise reader.error("of unknown type")


def _decode_startup(reader: Reader) -> FrontendMessage:
    code = reader.oid("protocol version")
    if code == CANCEL_REQUEST:
        pid, key = reader.int32("process id"), reader.rest()
        if not 4 <= len(key) <= 256:
            raise reader.error(f"cancel key of {len(key)} bytes, expected 4 to 256")
        return CancelRequest(pid, key)
    if code in (SSL_REQUEST, GSSENC_REQUEST):
        reader.end()
        return SSLRequest() if code == SSL_REQUEST else GSSENCRequest()
    if code >> 16 != 3:
        raise reader.error(f"protocol version {code >> 16}.{code & 0xFFFF}, expected 3.x")
    parameters: list[tuple[str, str]] = []
    while name := reader.text("parameter name"):
        parameters.append((name, reader.text(f"parameter {name}")))
    reader.end()
    return StartupMessage((code >> 16, code & 0xFFFF), tuple(parameters))


def _subject(reader: Reader) -> Subject:
    match reader.byte("subject"):
        case 0x53:
            return "S"
        case 0x50:
            return "P"
        case other:
            raise reader.error(f"subject 0x{other:02x}, expected S or P")


def _formats(reader: Reader) -> tuple[int, ...]:
    return reader.int16s(reader.count16("number of formats"), "format")


def _values(reader: Reader) -> tuple[bytes | None, ...]:
    return reader.values(reader.count16("number of values"), "value")


class FrontendParser:
    """Bytes of a client in, messages out."""

    def __init__(self, *, started: bool = False) -> None:
        self._frames = Frames(frontend=True, started=started)

    def feed(self, data: bytes) -> list[FrontendMessage]:
        """The messages completed by ``data``. Raises ``ProtocolError``."""
        return [decode(frame) for frame in self._frames.feed(data)]
