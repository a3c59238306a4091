"""The messages of a server: those of section 54.7 marked (B), as values; bytes in, values out."""

from __future__ import annotations

import msgspec

from paidonce.harness.taps.postgres.decode_cache import Remembered
from paidonce.harness.taps.postgres.fields import Reader
from paidonce.harness.taps.postgres.frames import Frame, Frames


class Authentication(msgspec.Struct, frozen=True):
    """A demand of the server to see something (``code`` 0: nothing more); ``data`` depends on the
    code."""

    code: int
    data: bytes = b""


class BackendKeyData(msgspec.Struct, frozen=True):
    """Who the session is, and the secret with which it can be cancelled.

    ``key`` has 4 bytes in protocol 3.0, up to 256 in 3.2.
    """

    pid: int
    key: bytes


class ParameterStatus(msgspec.Struct, frozen=True):
    """A setting clients need to know of has this value (now)."""

    name: str
    value: str


class NegotiateProtocolVersion(msgspec.Struct, frozen=True):
    """The server speaks only this version, and does not know these options.

    ``version`` is (major, minor).
    """

    version: tuple[int, int]
    unknown: tuple[str, ...] = ()


class ReadyForQuery(msgspec.Struct, frozen=True):
    """The end of an answer. ``status``: I idle, T in a transaction, E in a failed one."""

    status: str


class Column(msgspec.Struct, frozen=True):
    """One column of a result. ``format`` is 0 for text, 1 for binary."""

    name: str
    table: int
    attribute: int
    type: int
    size: int
    modifier: int
    format: int


class RowDescription(msgspec.Struct, frozen=True):
    """The columns of the rows that follow."""

    columns: tuple[Column, ...]


class DataRow(msgspec.Struct, frozen=True):
    """One row; None is null."""

    values: tuple[bytes | None, ...]


class CommandComplete(msgspec.Struct, frozen=True):
    """A statement was carried out; ``tag`` says which, and for how many rows."""

    tag: str


class ErrorResponse(msgspec.Struct, frozen=True):
    """An error; ``fields`` by their one-letter code (section 54.8)."""

    fields: tuple[tuple[str, str], ...]


class NoticeResponse(msgspec.Struct, frozen=True):
    """A notice; ``fields`` as of an error."""

    fields: tuple[tuple[str, str], ...]


class ParseComplete(msgspec.Struct, frozen=True):
    """Answer to Parse."""


class BindComplete(msgspec.Struct, frozen=True):
    """Answer to Bind."""


class CloseComplete(msgspec.Struct, frozen=True):
    """Answer to Close."""


class NoData(msgspec.Struct, frozen=True):
    """Answer to Describe: no rows will come."""


class ParameterDescription(msgspec.Struct, frozen=True):
    """Answer to Describe of a statement: OIDs of its parameters' types."""

    types: tuple[int, ...]


class PortalSuspended(msgspec.Struct, frozen=True):
    """Answer to Execute: the row limit was reached."""


class EmptyQueryResponse(msgspec.Struct, frozen=True):
    """There was no statement in the query."""


class NotificationResponse(msgspec.Struct, frozen=True):
    """Somebody (``pid``) sent NOTIFY on a channel this session listens to."""

    pid: int
    channel: str
    payload: str


class CopyResponse(msgspec.Struct, frozen=True):
    """COPY begins. ``direction``: G in (to the server), H out, W both (replication)."""

    direction: str
    format: int
    columns: tuple[int, ...] = ()


class CopyData(msgspec.Struct, frozen=True):
    """A piece of COPY data."""

    data: bytes


class CopyDone(msgspec.Struct, frozen=True):
    """All COPY data has been sent."""


class FunctionCallResponse(msgspec.Struct, frozen=True):
    """The value that a function returned."""

    value: bytes | None


BackendMessage = (
    Authentication
    | BackendKeyData
    | ParameterStatus
    | NegotiateProtocolVersion
    | ReadyForQuery
    | RowDescription
    | DataRow
    | CommandComplete
    | ErrorResponse
    | NoticeResponse
    | ParseComplete
    | BindComplete
    | CloseComplete
    | NoData
    | ParameterDescription
    | PortalSuspended
    | EmptyQueryResponse
    | NotificationResponse
    | CopyResponse
    | CopyData
    | CopyDone
    | FunctionCallResponse
)

_NAMES = {
    "R": "Authentication",
    "K": "BackendKeyData",
    "S": "ParameterStatus",
    "v": "NegotiateProtocolVersion",
    "Z": "ReadyForQuery",
    "T": "RowDescription",
    "D": "DataRow",
    "C": "CommandComplete",
    "E": "ErrorResponse",
    "N": "NoticeResponse",
    "1": "ParseComplete",
    "2": "BindComplete",
    "3": "CloseComplete",
    "n": "NoData",
    "t": "ParameterDescription",
    "s": "PortalSuspended",
    "I": "EmptyQueryResponse",
    "A": "NotificationResponse",
    "G": "CopyInResponse",
    "H": "CopyOutResponse",
    "W": "CopyBothResponse",
    "d": "CopyData",
    "c": "CopyDone",
    "V": "FunctionCallResponse",
}
_EMPTY: dict[
    str,
    type[ParseComplete]
    | type[BindComplete]
    | type[CloseComplete]
    | type[NoData]
    | type[PortalSuspended]
    | type[EmptyQueryResponse]
    | type[CopyDone],
] = {
    "1": ParseComplete,
    "2": BindComplete,
    "3": CloseComplete,
    "n": NoData,
    "s": PortalSuspended,
    "I": EmptyQueryResponse,
    "c": CopyDone,
}


_REMEMBERED: Remembered[BackendMessage] = Remembered("TtCZ123nsI")


def decode(frame: Frame) -> BackendMessage:
    """A frame's message. Raises ``ProtocolError`` when its body is not what its type says."""
    if (known := _REMEMBERED.get(frame)) is not None:
        return known
    kind = chr(frame.kind)
    reader = Reader(frame.body, frame.body_offset, _NAMES.get(kind, f"message {kind!r}"))
    found = _decode_typed(kind, reader)
    reader.end()
    return _REMEMBERED.keep(frame, found)


def _decode_typed(kind: str, reader: Reader) -> BackendMessage:
    match kind:
        case "D":
            count = reader.count16("number of values")
            return DataRow(reader.values(count, "value"))
        case "C":
            return CommandComplete(reader.text("tag"))
        case "Z":
            status = chr(reader.byte("status"))
            if status not in "ITE":
                raise reader.error(f"status {status!r}, expected I, T or E")
            return ReadyForQuery(status)
        case "T":
            count = reader.count16("number of columns")
            return RowDescription(tuple(_column(reader) for _ in range(count)))
        case "E":
            return ErrorResponse(_error_fields(reader))
        case "N":
            return NoticeResponse(_error_fields(reader))
        case "t":
            count = reader.count16("number of types")
            return ParameterDescription(tuple(reader.oid("type") for _ in range(count)))
        case "A":
            pid = reader.int32("process id")
            return NotificationResponse(pid, reader.text("channel"), reader.text("payload"))
        case "d":
            return CopyData(reader.rest())
        case "G" | "H" | "W":
            form, count = reader.byte("format"), reader.count16("number of columns")
            columns = tuple(reader.int16("format") for _ in range(count))
            return CopyResponse(kind, form, columns)
        case "V":
            return FunctionCallResponse(reader.value("value"))
        case _ if kind in _EMPTY:
            return _EMPTY[kind]()
        case _:
            return _decode_startup(kind, reader)


def _decode_startup(kind: str, reader: Reader) -> BackendMessage:
    match kind:
        case "R":
            return Authentication(reader.int32("code"), reader.rest())
        case "S":
            return ParameterStatus(reader.text("name"), reader.text("value"))
        case "K":
            pid, key = reader.int32("process id"), reader.rest()
            if not 4 <= len(key) <= 256:
                raise reader.error(f"key of {len(key)} bytes, expected 4 to 256")
            return BackendKeyData(pid, key)
        case "v":
            code, count = reader.oid("version"), reader.int32("number of options")
            unknown = tuple(reader.text("option") for _ in range(count))
            return NegotiateProtocolVersion((code >> 16, code & 0xFFFF), unknown)
    raise reader.error("of unknown type")


def _column(reader: Reader) -> Column:
    return Column(
        name=reader.text("column name"),
        table=reader.oid("table"),
        attribute=reader.int16("attribute"),
        type=reader.oid("type"),
        size=reader.int16("size"),
        modifier=reader.int32("modifier"),
        format=reader.int16("format"),
    )


def _error_fields(reader: Reader) -> tuple[tuple[str, str], ...]:
    error_fields: list[tuple[str, str]] = []
    while code := reader.byte("field code"):
        error_fields.append((chr(code), reader.text("field")))
    return tuple(error_fields)


class BackendParser:
    """Bytes of a server in, messages out."""

    def __init__(self) -> None:
        self._frames = Frames(frontend=False)

    def feed(self, data: bytes) -> list[BackendMessage]:
        """The messages completed by ``data``. Raises ``ProtocolError``."""
        return [decode(frame) for frame in self._frames.feed(data)]
