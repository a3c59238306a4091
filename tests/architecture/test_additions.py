"""What is added touches one new file and one line of registration: each kind is added here."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from line_tap import LINES, STORES

from paidonce.harness.backends.shared import (
    POSTGRES_VARIABLE,
    REDIS_VARIABLE,
    redis_url_of_worker,
)
from paidonce.harness.checkers import CHECKERS, judge, load_checkers, target_checkers
from paidonce.harness.checkers.base import NOTHING, BrokenBy, Telling, conclude
from paidonce.harness.errors import UsageError
from paidonce.harness.explore.control.readers import TAPS
from paidonce.harness.explore.exploration import (
    Explored,
    SearchRequest,
    explore,
    opened,
    scheduler,
)
from paidonce.harness.explore.footprint.model import Footprint
from paidonce.harness.explore.search import Coverage, Ending, Plan, Run, search
from paidonce.harness.explore.search.schedulers import SCHEDULERS, SchedulerKind, kind_of
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.history import Completed, History, read_history
from paidonce.harness.results.assessment import Assessment
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.script import script_of
from paidonce.harness.targets.run.subject import TargetSubject
from paidonce.harness.testbed.stack import Choice, open_stack
from paidonce.harness.verdict import Status, Verdict, Violation
from paidonce.reports import assess, load, write_all, write_witness_page
from paidonce.reports.formats import FORMATS, ReportFormat

if TYPE_CHECKING:
    from paidonce.harness.service.script import Script

HERE = Path(__file__).parent
WITNESSES = HERE.parent / "fixtures" / "format1" / "matrix" / "witnesses"


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


class Counter:
    """A world of two actors that each make two steps, in memory."""

    def __init__(self) -> None:
        self.made = {"a": 0, "b": 0}

    def _able(self) -> tuple[str, ...]:
        return tuple(actor for actor, made in self.made.items() if made < 2)

    def pending(self) -> tuple[Pending, ...]:
        return tuple(
            Pending(actor=actor, label="counts", footprint=Footprint()) for actor in self._able()
        )

    async def step(self, actor: str) -> Taken:
        enabled = self._able()
        self.made[actor] += 1
        return Taken(actor=actor, label="counts", footprint=Footprint(), enabled=enabled)

    async def finish(self) -> int:
        return sum(self.made.values())

    async def close(self) -> None:
        """Holds nothing."""


class Counters:
    async def fresh(self) -> Counter:
        return Counter()


class Last:
    """Lets whoever stands last move; the choices of one execution."""

    def choose(self, pending: tuple[Pending, ...]) -> str | None:
        return pending[-1].actor

    def took(self, taken: Taken) -> None:
        """Needs no memory."""


class LastFirst:
    """A scheduler: one execution, in which whoever stands last goes first."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    @property
    def waiting(self) -> int:
        return 1 - len(self.runs)

    def upcoming(self, count: int) -> list[Plan]:
        return [Plan(0, (), Last)][: min(count, self.waiting)]

    def commit(self, plan: Plan, run: Run) -> bool:
        self.runs.append(run)
        return True

    def abandon(self, plan: Plan) -> None:
        raise AssertionError("no execution of this world is invalid")

    def coverage(self, actors: int, steps: str) -> Coverage:
        return Coverage(complete=False, words=f"one schedule of {actors} attempts, the last first")


LAST_FIRST = SchedulerKind(
    name="last-first", summary="one, the last first", make=lambda extent: LastFirst()
)


def test_a_scheduler_is_found_by_its_name_and_explores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SCHEDULERS, LAST_FIRST.name, LAST_FIRST)
    script = cast("Script", None)  # Which service it is is nothing to a scheduler.
    chosen = scheduler(SearchRequest(scenario=script, variant="any", search="last-first"))
    assert isinstance(chosen, LastFirst)
    fine = Verdict(checker="any", status=Status.VALID, reason="nothing can go wrong")
    result = asyncio.run(search([Counters()], lambda outcome: fine, chosen))
    assert [run.schedule for run in chosen.runs] == [("b", "b", "a", "a")]
    assert (result.counts.explored, result.outcomes) == (1, (4,))
    assert result.coverage == "one schedule of 2 attempts, the last first"


def test_an_unknown_scheduler_is_told_with_the_choices() -> None:
    with pytest.raises(UsageError, match=r"unknown scheduler 'dpr'; choose from dpor, dfs, random"):
        kind_of("dpr")


def _names(assessed: Assessment, folder: Path) -> bytes:
    """A format: the names of the cells, a line each, and what is already there beside it."""
    cells = [f"{cell.variant}/{cell.scenario}" for cell in assessed.proof.cells]
    pages = [page.name for page in folder.glob("witnesses/*.html")]
    return "\n".join([*cells, *pages]).encode()


NAMES = ReportFormat(name="names", file="names.txt", make=_names, links=True)
NEVER = ReportFormat(name="never", file="never.txt", make=lambda assessed, folder: None)


def test_a_report_format_is_written_with_the_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(WITNESSES.parent, tmp_path / "matrix"))
    for added in (NAMES, NEVER):
        monkeypatch.setitem(FORMATS, added.name, added)
    written = write_all(assess(load(folder)), folder)
    assert list(written) == ["json", "html", "markdown", "junit", "csv", "names"]
    assert all(path.exists() for path in written.values())
    lines = written["names"].read_text().splitlines()
    # Who links to pages of witnesses is asked once they are there.
    assert {"none/two_tabs", "none-two_tabs.html"} <= set(lines)
    assert not (folder / NEVER.file).exists()


def test_a_tap_of_another_protocol_is_opened_read_and_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(TAPS, LINES.name, LINES)
    STORES.clear()
    loaded = load_target(HERE / "lines" / "target.toml")
    script = script_of(loaded)
    postgres, redis = os.environ[POSTGRES_VARIABLE], os.environ[REDIS_VARIABLE]
    choice = Choice(postgres=postgres, redis=redis_url_of_worker(redis))

    async def searched() -> list[Explored]:
        found = []
        async with open_stack(TargetSubject(loaded), choice) as stack:
            lane = await stack.lane()
            for variant in ("looks", "adds"):
                async with opened(stack, script, variant, [lane]) as worlds:
                    request = SearchRequest(scenario=script, variant=variant, watch=0.1)
                    found.append(await explore(worlds, request))
        return found

    racy, sound = asyncio.run(asyncio.wait_for(searched(), 120))
    assert racy.result.ending is Ending.COUNTEREXAMPLE, racy.result.reason
    assert racy.witness is not None
    labels = [step.label for step in racy.witness.steps]
    assert labels.count("lines GET") == labels.count("lines PUT") == 2
    assert labels.index("lines PUT") > labels.index("lines GET") + 1, "both look first"
    assert sound.result.ending is Ending.COMPLETE, sound.result.reason
    assert sound.result.counts.outcomes == 2, "each tab may be the one that is told that it paid"
    assert not any("no tap is" in note for note in (*racy.notes, *sound.notes))
    assert all(store.told for store in STORES), "the services spoke to it by way of the tap"
    assert len(STORES) == 2
