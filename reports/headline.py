"""The verdict of a whole proof in one sentence with numbers. Pure."""

from __future__ import annotations

import enum

import msgspec

from harness.results import Cell, Proof
from harness.verdict import Status
from reports.problems import Weight, problems
from reports.searches import noun_of_cells, searched_cells
from reports.standing import Standing, grid, standing
from reports.words import count, listed


class Tone(enum.StrEnum):
    """How the whole stands."""

    PROVEN = "proven"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


class Headline(msgspec.Struct, frozen=True, kw_only=True):
    """``word`` is the verdict in a word or two, ``sentence`` says it with numbers.

    ``remarks`` are further sentences: what was not judged, skipped, or cut short.
    """

    tone: Tone
    word: str
    sentence: str
    remarks: tuple[str, ...] = ()


_WORDS = {
    Tone.PROVEN: "As declared",
    Tone.CONTRADICTED: "Contradicted",
    Tone.UNDECIDED: "Not decided",
}


def headline(proof: Proof) -> Headline:
    """The headline of ``proof``."""
    weights = {problem.weight for problem in problems(proof)}
    tone = Tone.PROVEN
    if Weight.CONTRADICTED in weights:
        tone = Tone.CONTRADICTED
    elif Weight.UNDECIDED in weights:
        tone = Tone.UNDECIDED
    against = _contradictions(proof) + _broken_under_load(proof)
    established = _sound(proof) + _vulnerable(proof) + _measured(proof)
    remarks = [_sentence(established)] if against and established else []
    return Headline(
        tone=tone,
        word=_WORDS[tone],
        sentence=_sentence(against or established or [_nothing(proof)]),
        remarks=(*remarks, *_remarks(proof)),
    )


def _sentence(parts: list[str]) -> str:
    words = ", ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def _contradictions(proof: Proof) -> list[str]:
    parts = []
    for kind, noun in (
        (Standing.BROKEN, f"{proof.noun} declared sound"),
        (Standing.MISSED, f"vulnerable {proof.noun}"),
    ):
        places: dict[str, list[str]] = {}
        for cell in proof.cells:
            if standing(cell) is kind:
                places.setdefault(cell.variant, []).append(cell.scenario)
        if places:
            where = listed(
                [f"{name} in {listed(found, limit=2)}" for name, found in places.items()], limit=3
            )
            verb = "broke" if kind is Standing.BROKEN else _was(len(places)) + " not caught"
            plural = noun.replace(proof.noun, f"{proof.noun}s")
            parts.append(f"{count(len(places), noun, plural)} {verb} ({where})")
    return parts


def _was(amount: int) -> str:
    return "was" if amount == 1 else "were"


def _sound(proof: Proof) -> list[str]:
    """Guards that held everywhere, and those that held where they were judged."""
    cells = grid(proof)
    total = len(proof.scenarios)
    whole, partly, skipped = 0, 0, False
    for variant in proof.variants:
        if not variant.sound:
            continue
        kinds = {standing(cells.get((variant.name, s.name))) for s in proof.scenarios}
        if not any(kind.held for kind in kinds) or Standing.BROKEN in kinds:
            continue
        if all(kind.held or kind is Standing.SKIPPED for kind in kinds):
            whole += 1
            skipped |= Standing.SKIPPED in kinds
        else:
            partly += 1
    parts = []
    if whole:
        where = f"all {total} scenarios" if total != 1 else "the one scenario"
        where += " that apply to them" if skipped else ""
        parts.append(f"{count(whole, proof.noun)} held in {where}")
    if partly:
        verb = f"{partly} more" if whole else count(partly, proof.noun)
        parts.append(f"{verb} held only where {'it was' if partly == 1 else 'they were'} judged")
    return parts


def _vulnerable(proof: Proof) -> list[str]:
    vulnerable = [variant.name for variant in proof.variants if not variant.sound]
    caught = sum(
        any(cell.status is Status.INVALID for cell in _cells(proof, name)) for name in vulnerable
    )
    return [f"{count(caught, f'vulnerable {proof.noun}')} {_was(caught)} caught"] if caught else []


def _cells(proof: Proof, variant: str) -> list[Cell]:
    return [cell for cell in proof.cells if cell.variant == variant]


def _broken_under_load(proof: Proof) -> list[str]:
    sound = {variant.name for variant in proof.variants if variant.sound}
    broken = sorted({load.variant for load in proof.loads if load.status is Status.INVALID} & sound)
    if not broken:
        return []
    noun = count(len(broken), f"{proof.noun} declared sound", f"{proof.noun}s declared sound")
    return [f"{noun} broke under load ({listed(broken)})"]


def _measured(proof: Proof) -> list[str]:
    """Load runs are news only where there is no matrix."""
    if proof.cells or not proof.loads:
        return []
    guards = count(len({load.variant for load in proof.loads}), proof.noun)
    payments = count(sum(load.payments for load in proof.loads), "payment")
    operations = count(sum(load.operations for load in proof.loads), "operation")
    return [f"{guards} measured under load: {payments} in {operations}"]


def _nothing(proof: Proof) -> str:
    if not proof.cells:
        return "nothing was run"
    if proof.noun == "guard":
        return f"none of {count(len(proof.cells), 'cell')} of the matrix could be judged"
    return f"no {proof.noun} could be judged"


def _remarks(proof: Proof) -> tuple[str, ...]:
    kinds = [standing(cell) for cell in proof.cells]
    remarks = []
    searched = searched_cells(proof)
    if searched:
        remarks.append(searched)
    if proof.interrupted:
        ran = sum(bool(cell.runs) for cell in proof.cells)
        total = len(proof.variants) * len(proof.scenarios)
        remarks.append(f"Interrupted: {ran} of {count(total, noun_of_cells(proof))} had run.")
    for kind, text in (
        (Standing.ACCEPTED, "broke as is accepted"),
        (Standing.UNKNOWN, "could not be decided"),
        (Standing.ERROR, "failed to run"),
        (Standing.NOT_JUDGED, "could not be judged with this backend"),
        (Standing.SKIPPED, "did not apply or were left out"),
    ):
        amount = kinds.count(kind)
        if amount:
            if kind is Standing.SKIPPED and amount == 1:
                text = "did not apply or was left out"
            remarks.append(f"{count(amount, noun_of_cells(proof))} {text}.")
    for beside in proof.beside:
        if beside.proof is None:
            remarks.append(f"Not proved with {beside.name}: {beside.missing}")
        else:
            other = headline(beside.proof)
            remarks.append(f"With {beside.name}: {other.word.lower()}. {other.sentence}")
    return tuple(remarks)
