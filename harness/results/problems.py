"""The problems of a proof: where it is not as declared. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from paidonce.harness.capability import CAPABILITY_MEANING, Capability
from paidonce.harness.results.load_run import Load
from paidonce.harness.results.problem import Problem, Weight
from paidonce.harness.results.problems_of_survival import of_survivals
from paidonce.harness.results.proof import Cell, Proof, Run, Variant
from paidonce.harness.results.searched import How
from paidonce.harness.results.standing import Standing
from paidonce.harness.results.words import count, listed
from paidonce.harness.verdict import Status

Placed = tuple[Cell, Standing]


def problems(
    proof: Proof, standings: Sequence[Standing], beside: Sequence[Status | None]
) -> tuple[Problem, ...]:
    """Return every problem of ``proof``, contradictions first, else in the order of the matrix.

    ``standings`` are those of its cells, in their order; ``beside`` what the proofs beside it came
    to, None of one there is not.
    """
    found: list[Problem] = []
    placed = list(zip(proof.cells, standings, strict=True))
    for cell, kind in placed:
        problem = _of_cell(cell, kind)
        if problem is not None:
            found.append(problem)
        found += [
            Problem(weight=Weight.NOTE, text=text, variant=cell.variant, scenario=cell.scenario)
            for text in cell.notes
        ]
    found += of_survivals(proof)
    found += _not_judged(placed)
    found += _not_searched(proof)
    for variant in proof.variants:
        never = _never_caught(placed, variant)
        if never is not None:
            found.append(never)
    sound = {variant.name: variant.sound for variant in proof.variants}
    for load in proof.loads:
        problem = _of_load(load, declared_sound=sound.get(load.variant, True))
        if problem is not None:
            found.append(problem)
    found += _of_the_backends(proof, beside)
    found += _of_the_whole(proof, standings)
    order = list(Weight)
    return tuple(sorted(found, key=lambda problem: order.index(problem.weight)))


def reason_of(run: Run, status: Status) -> str:
    """The first reason a verdict of that status gives in ``run``, with its checker's name."""
    for verdict in run.verdicts:
        if verdict.status is status:
            return verdict.words
    return ""


def first_run(cell: Cell, status: Status) -> Run | None:
    """The first run of ``cell`` with that status."""
    return next((run for run in cell.runs if run.status is status), None)


def capabilities_in_words(names: tuple[str, ...]) -> str:
    """ "Stripe's objects can be listed and are true (stripe.ledger)" for each name."""
    known = {str(capability): CAPABILITY_MEANING[capability] for capability in Capability}
    return listed([f"{known[name]} ({name})" if name in known else name for name in names])


def _of_cell(cell: Cell, kind: Standing) -> Problem | None:
    text, weight, history = "", Weight.UNDECIDED, None
    runs = count(len(cell.runs), "run")
    if kind is Standing.BROKEN:
        weight = Weight.CONTRADICTED
        text, history = _by_chance(cell) if cell.by_chance else _broken(cell)
    elif kind is Standing.MISSED:
        weight = Weight.CONTRADICTED
        text = f"declared vulnerable here, but not caught in {runs}"
        if cell.caught:
            text = f"declared vulnerable here and caught in {cell.caught} of {runs}, but a "
            text += "complete search found no counterexample"
        history = cell.runs[0].history
    elif kind is Standing.ERROR:
        text = f"could not be run to the end: {cell.error}"
    elif kind is Standing.ACCEPTED:
        weight = Weight.NOTE
        text, history = _broken(cell)
        text += f"; {cell.accepted}"
    elif cell.depends_on_load:
        text = f"declared vulnerable and not caught in {runs}; no search was completed, so it may "
        text += "be caught yet"
    elif kind is Standing.UNKNOWN:
        run = first_run(cell, Status.UNKNOWN)
        assert run is not None
        reason = reason_of(run, Status.UNKNOWN) or "no checker gave a reason"
        text = f"could not be decided: {reason}"
        history = run.history
    elif kind is Standing.NOT_RUN:
        text = "was not run"
    else:
        return None
    return Problem(
        weight=weight,
        text=text,
        variant=cell.variant,
        scenario=cell.scenario,
        standing=kind,
        history=history,
    )


def _broken(cell: Cell) -> tuple[str, str | None]:
    """Return what broke a cell declared sound, and the history or witness that shows it."""
    run = first_run(cell, Status.INVALID)
    if run is not None:
        text = f"declared sound, but broke in {cell.caught} of {count(len(cell.runs), 'run')}"
        reason = reason_of(run, Status.INVALID)
        return text + (f": {reason}" if reason else ""), run.history
    assert cell.search is not None
    text = f"declared sound and held in {count(len(cell.runs), 'run')}, but the search found a"
    text += " counterexample"
    witness = f" (paidonce replay {cell.search.witness})" if cell.search.witness else ""
    return text + witness + (f": {cell.search.broken[0].words}" if cell.search.broken else ""), None


def _by_chance(cell: Cell) -> tuple[str, str | None]:
    """Return what broke a cell declared sound in real time, with no witness that shows it again."""
    run = first_run(cell, Status.INVALID)
    assert run is not None
    text = (
        f"declared sound, but broke in {cell.caught} of {count(len(cell.runs), 'burst')}, and no "
    )
    text += "witness was found that shows it again"
    reason = reason_of(run, Status.INVALID)
    return text + (f": {reason}" if reason else ""), run.history


def _not_searched(proof: Proof) -> list[Problem]:
    """A note for each reason why a search that was begun is not complete."""
    alike: dict[str, list[Cell]] = {}
    for cell in proof.cells:
        search = cell.search
        if search is not None and search.how is How.INCOMPLETE:
            alike.setdefault(search.reason, []).append(cell)
    return [
        Problem(
            weight=Weight.NOTE,
            text=(
                f"not searched completely: {reason}"
                if len(cells) == 1
                else f"{count(len(cells), 'cell')} not searched completely: {reason}"
            ),
            variant=cells[0].variant if len(cells) == 1 else "",
            scenario=cells[0].scenario if len(cells) == 1 else "",
        )
        for reason, cells in alike.items()
    ]


def why_not_judged(cell: Cell) -> str:
    """Return what the backend lacked for this cell, as a sentence."""
    return f"not judged, since the backend lacks: {capabilities_in_words(cell.lacking)}"


def _not_judged(placed: Sequence[Placed]) -> list[Problem]:
    """One note for all cells that were not judged for the same want."""
    alike: dict[str, list[Cell]] = {}
    for cell, kind in placed:
        if kind is Standing.NOT_JUDGED:
            alike.setdefault(why_not_judged(cell), []).append(cell)
    return [
        Problem(
            weight=Weight.NOTE,
            text=why if len(cells) == 1 else f"{count(len(cells), 'cell')} {why}",
            variant=cells[0].variant if len(cells) == 1 else "",
            scenario=cells[0].scenario if len(cells) == 1 else "",
            standing=Standing.NOT_JUDGED,
        )
        for why, cells in alike.items()
    ]


def _never_caught(placed: Sequence[Placed], variant: Variant) -> Problem | None:
    """A vulnerable guard nothing caught: the harness was not seen to see anything."""
    if variant.sound:
        return None
    decided = [c for c, kind in placed if c.variant == variant.name and kind.decided]
    if not decided or any(cell.status is Status.INVALID for cell in decided):
        return None
    declared = any(cell.expected is Status.INVALID for cell in decided)
    return Problem(
        weight=Weight.CONTRADICTED if declared else Weight.NOTE,
        text=f"declared vulnerable, but not caught in any of {count(len(decided), 'scenario')}"
        + ("" if declared else ", none of which was declared to catch it"),
        variant=variant.name,
    )


def _of_load(load: Load, *, declared_sound: bool) -> Problem | None:
    where = f"under load ({load.profile}, {count(load.users, 'user')})"
    undecided = [verdict for verdict in load.verdicts if verdict.status is Status.UNKNOWN]
    if load.status is Status.INVALID and declared_sound:
        reason = next((f": {v.words}" for v in load.verdicts if v.status is Status.INVALID), "")
        weight, text = Weight.CONTRADICTED, f"declared sound, but broke {where}{reason}"
    elif load.status is Status.UNKNOWN:
        reason = f": {undecided[0].words}" if undecided else ""
        weight, text = Weight.UNDECIDED, f"could not be decided {where}{reason}"
    else:
        return None
    return Problem(weight=weight, text=text, variant=load.variant, history=load.history)


def _of_the_backends(proof: Proof, came: Sequence[Status | None]) -> list[Problem]:
    """Return what the other sets of backends came to, and what stood in for official images."""
    backends = []
    for beside, status in zip(proof.beside, came, strict=True):
        if status is None:
            text = f"not proved with {beside.name}: {beside.missing}"
            backends.append(Problem(weight=Weight.UNDECIDED, text=text))
            continue
        if status is not Status.VALID:
            invalid = status is Status.INVALID
            text = f"{'contradicted' if invalid else 'not decided'} with {beside.name}"
            weight = Weight.CONTRADICTED if invalid else Weight.UNDECIDED
            text += f"; its own report is in {beside.folder}"
            backends.append(Problem(weight=weight, text=text))
    if proof.machine.stand_ins:
        text = "stand-in images, made locally in place of the official ones: "
        text += listed(proof.machine.stand_ins)
        backends.append(Problem(weight=Weight.NOTE, text=text))
    return backends


def _of_the_whole(proof: Proof, standings: Sequence[Standing]) -> list[Problem]:
    found = []
    if proof.interrupted:
        missing = len(proof.variants) * len(proof.scenarios) - len(proof.cells)
        text = "the proof was interrupted before its end"
        if proof.cells and missing > 0:
            text += f"; {count(missing, 'cell')} of the matrix never ran"
        found.append(Problem(weight=Weight.UNDECIDED, text=text))
    load_decided = any(load.status is not Status.UNKNOWN for load in proof.loads)
    if not proof.cells and not proof.loads:
        found.append(Problem(weight=Weight.UNDECIDED, text="nothing was run"))
    elif any(cell.depends_on_load for cell in proof.cells):
        pass  # it was judged; the cell's own problem says what is open
    elif not any(kind.decided for kind in standings) and not load_decided:
        found.append(Problem(weight=Weight.UNDECIDED, text="nothing at all could be judged"))
    elif standings and not any(kind.decided for kind in standings):
        text = "no cell of the matrix could be judged"
        found.append(Problem(weight=Weight.UNDECIDED, text=text))
    return found
