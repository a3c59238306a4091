"""Inputs that nearly make sense: conversations and documents of a corpus, damaged."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
BYTES = (
    b"",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\0\0\0\x04",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\r\n",
    b"\r\n\r\n",
    b"-1",
    b"99999999999999999999",
    b"%00",
    b"%",
    b"[]",
    b"[a][b][c]",
    b"\xc3\x28",
    b"a" * 70_000,
)
"""Pieces where parsers go wrong: lengths that lie, ends that are none, texts without end."""
VALUES = (
    None,
    True,
    -1,
    0,
    2**63,
    -(2**70),
    1e308,
    "",
    "\0",
    "\ud800",
    "a" * 5_000,
    "{order}",
    "\x1b[31m</script><script>",
    [],
    {},
    [[]] * 300,
    {"": None},
    json.loads("[" * 400 + "]" * 400),
)
"""Values in the place of those that a document had."""

Said = tuple[str, bytes]
"""Who says it, and what: ``client`` or ``server``."""


def conversations(kind: str) -> list[list[Said]]:
    """The conversations of the corpus that are of that kind."""
    files = sorted((CORPUS / kind).glob("*.jsonl"))
    assert files, f"there is nothing in {CORPUS / kind}"
    return [
        [
            (who, text.encode("latin-1"))
            for who, text in map(json.loads, path.read_text().splitlines())
        ]
        for path in files
    ]


@st.composite
def damaged(draw: st.DrawFn, kind: str) -> list[Said]:
    """A conversation of which up to four pieces are changed, lost, doubled or said by the other."""
    told = conversations(kind)
    said = list(draw(st.sampled_from(told)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(said) - 1))
        who, data = said[at]
        match draw(st.sampled_from(("piece", "cut", "lose", "double", "turn", "foreign", "end"))):
            case "piece":
                begin = draw(st.integers(0, len(data)))
                gone = draw(st.integers(0, 8))
                piece = draw(st.sampled_from(BYTES) | st.binary(max_size=8))
                said[at] = (who, data[:begin] + piece + data[begin + gone :])
            case "cut":
                begin = draw(st.integers(0, len(data)))
                said[at : at + 1] = [(who, data[:begin]), (who, data[begin:])]
            case "lose":
                said[at] = (who, b"")
            case "double":
                said.insert(at, (who, data))
            case "turn":
                said[at] = ("server" if who == "client" else "client", data)
            case "foreign":
                said.insert(at, draw(st.sampled_from(draw(st.sampled_from(told)))))
            case "end":
                del said[at + 1 :]
    return said


@st.composite
def odd(draw: st.DrawFn, documents: list[Any]) -> Any:
    """A document in which up to three values are others, gone, or twice there."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(document))
        if not places:
            return document
        parent, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("other", "other", "gone", "named", "swapped"))):
            case "other":
                parent[key] = copy.deepcopy(draw(st.sampled_from(VALUES) | st.integers()))
            case "gone":
                del parent[key]
            case "named" if isinstance(parent, dict):
                parent[draw(st.sampled_from(("", "x", "\0", "name", "a" * 300)))] = parent[key]
            case _:
                other, name = draw(st.sampled_from(places))
                parent[key] = copy.deepcopy(other[name])
    return document


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a document where a value stands: what holds it, and under which key."""
    found: list[tuple[Any, Any]] = []
    left = [value]
    while left:
        holder = left.pop()
        inner = (
            list(holder.items())
            if isinstance(holder, dict)
            else list(enumerate(holder))
            if isinstance(holder, list)
            else []
        )
        for key, one in inner:
            found.append((holder, key))
            left.append(one)
    return found
