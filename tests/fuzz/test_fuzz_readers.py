"""Files that somebody has changed by hand: a result, or one message, and never a defect's."""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from damage import BYTES, odd
from hypothesis import strategies as st
from trying import Tried, tried
from typer.testing import CliRunner

from paidonce.harness.cli.main import app
from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.file.meaning_check import check
from paidonce.harness.targets.file.shape_check import convert
from paidonce.harness.targets.run.script import script_of
from paidonce.reports.formats.store import encode, load

TESTS = Path(__file__).parents[1]
TARGETS = TESTS / "targets"
FIXTURES = TESTS / "fixtures" / "format1"
WITNESS = TESTS / "reports" / "witnesses" / "none-two_tabs.witness.json"
HISTORY = WITNESS.with_name("none-two_tabs.jsonl")
RESULTS = FIXTURES / "check" / "results.json"


def command(*words: object) -> bool:
    """Run a command; whether it came to anything. Raises where it says that it has a defect."""
    left = CliRunner().invoke(app, [str(word) for word in words])
    assert left.exit_code in (0, 1, 2, 3), left.output
    assert "defect of paidonce" not in left.output, left.output
    assert "Traceback" not in left.output, left.output
    assert left.exception is None or isinstance(left.exception, SystemExit), left.exception
    return left.exit_code in (0, 1)


def with_file(name: str, text: bytes, use: Callable[[Path], bool]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(text)
        return use(path)


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


def exported(document: Any) -> bool:
    def use(path: Path) -> bool:
        shutil.copy(HISTORY, path.parent)
        done = [command("export", path, "--format", one) for one in ("text", "mermaid", "pytest")]
        return command("report", path) and all(done)

    return with_file(WITNESS.name, as_json(document), use)


def judged(lines: list[Any]) -> bool:
    text = b"".join(as_json(line) + b"\n" for line in lines)
    return with_file("h.jsonl", text, lambda path: command("check", path))


def judged_bytes(text: bytes) -> bool:
    return with_file("h.jsonl", text, lambda path: command("check", path))


def reported(document: Any) -> bool:
    return with_file("results.json", as_json(document), lambda path: command("report", path))


def understood(table: Any) -> bool:
    """Whether a target file of this content has a meaning."""
    path = Path("target.toml")
    try:
        file = convert(table, str(path))
        check(file, str(path), TESTS)
        script_of(Loaded(file=file, path=TESTS / path, digest=""))
    except UsageError:
        return False
    return True


def histories() -> list[Any]:
    """A history of each format, each line a document."""
    lines = [json.loads(line) for line in HISTORY.read_text().splitlines()]
    numbered = [{"n": number, **line} for number, line in enumerate(lines, start=1)]
    numbered[0]["format"] = 2
    return [lines, numbered]


@st.composite
def damaged_text(draw: st.DrawFn) -> bytes:
    text = "".join(json.dumps(line) + "\n" for line in draw(st.sampled_from(histories()))).encode()
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(text)))
        text = (
            text[:begin] + draw(st.sampled_from(BYTES)) + text[begin + draw(st.integers(0, 99)) :]
        )
    return text


def results() -> list[Any]:
    """Results of both formats."""
    return [json.loads(RESULTS.read_bytes()), json.loads(encode(load(RESULTS)))]


def targets() -> list[Any]:
    names = ("env_proxy", "leaving", "line", "polling", "queue", "shop")
    files = [FIXTURES / "check" / "target.toml", *(TARGETS / one / "target.toml" for one in names)]
    return [tomllib.loads(path.read_text()) for path in files]


class Kind(NamedTuple):
    """What is tried, and what takes it; how many of them in the default suite."""

    inputs: Callable[[], st.SearchStrategy[Any]]
    take: Callable[[Any], bool]
    examples: int


KINDS = {
    "witness": Kind(lambda: odd([json.loads(WITNESS.read_bytes())]), exported, 6),
    "history": Kind(lambda: odd(histories()), judged, 12),
    "history's bytes": Kind(damaged_text, judged_bytes, 12),
    "results": Kind(lambda: odd(results()), reported, 8),
    "target": Kind(lambda: odd(targets()), understood, 20),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_takes_anything(kind: str, count: Callable[[Tried], None]) -> None:
    inputs, take, examples = KINDS[kind]
    counted = tried(inputs(), take, examples)
    count(counted)
    assert counted.understood > 0, "all of it is noise"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_takes_anything_for_long(kind: str, count: Callable[[Tried], None]) -> None:
    inputs, take, _ = KINDS[kind]
    count(tried(inputs(), take))
