"""What is added touches one new file and one line of registration: each kind is added here."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from paidonce.harness.checkers import CHECKERS, judge, load_checkers, target_checkers
from paidonce.harness.checkers.base import NOTHING, BrokenBy, Telling, conclude
from paidonce.harness.history import Completed, History, read_history
from paidonce.harness.verdict import Status, Verdict, Violation
from paidonce.reports import write_witness_page

WITNESSES = Path(__file__).parents[1] / "fixtures" / "format1" / "matrix" / "witnesses"


class NoAnswers:
    """A checker: nobody may be answered."""

    name = "no-answers"
    title = "Nobody is answered"
    needs = NOTHING
    telling = Telling(
        broke="somebody is answered after all",
        weight=1_000,
        broken_by=BrokenBy.ANSWER,
        of_load=True,
    )

    def check(self, history: History) -> Verdict:
        violations = [
            Violation(reason=f"answer {completed.op} came", evidence=(position,))
            for position, completed in history.of(Completed)
        ]
        return conclude(self.name, history, violations=violations, fine="nobody was answered")


@pytest.fixture
def more_checkers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKERS, NoAnswers.name, NoAnswers())


@pytest.mark.usefixtures("more_checkers")
def test_a_checker_brings_its_words_to_the_page_of_a_witness(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(WITNESSES, tmp_path / "witnesses"))
    path = folder / "none-two_tabs.jsonl"
    history = read_history(path)
    checkers = (*history.header.checkers, NoAnswers.name)
    header = msgspec.structs.replace(history.header, checkers=checkers)
    encoded = [msgspec.json.encode(event) for event in (header, *history.events[1:])]
    path.write_bytes(b"\n".join(encoded) + b"\n")

    verdict = judge(read_history(path))[-1]
    assert (verdict.checker, verdict.status) == (NoAnswers.name, Status.INVALID)
    page = write_witness_page(folder / "none-two_tabs.witness.json").read_text()
    assert NoAnswers.telling.broke in page
    # Of all that broke it has the most weight, so its words stand there and no other's.
    assert CHECKERS["one-intent"].telling.broke not in page


@pytest.mark.usefixtures("more_checkers")
def test_a_checker_says_itself_which_runs_it_judges() -> None:
    assert NoAnswers.name in load_checkers()
    assert NoAnswers.name not in target_checkers()
