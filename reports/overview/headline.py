"""The verdict of a whole proof in one sentence with numbers. Pure."""

from __future__ import annotations

import enum

import msgspec

from paidonce.harness.results.assessment import WRONG_SET_UP, Assessment
from paidonce.harness.results.proof import Cell, Proof, Variant
from paidonce.harness.results.searched import How
from paidonce.harness.results.standing import Standing
from paidonce.harness.results.words import count, listed
from paidonce.harness.verdict import Status
from paidonce.reports.overview.searches import noun_of_cells, searched_cells


class Tone(enum.StrEnum):
    """The standing of the whole."""

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


_TONES = {
    Status.VALID.exit_code: Tone.PROVEN,
    Status.INVALID.exit_code: Tone.CONTRADICTED,
}
"""By the exit status, so that the words and the number say the same; any other is undecided."""
_WORDS = {
    Tone.PROVEN: "As declared",
    Tone.CONTRADICTED: "Contradicted",
    Tone.UNDECIDED: "Not decided",
}


def headline(assessed: Assessment) -> Headline:
    """The headline of what was assessed."""
    proof, tone = assessed.proof, _TONES.get(assessed.exit_status, Tone.UNDECIDED)
    against = _contradictions(assessed) + _broken_under_load(proof)
    established = _sound(assessed) + _vulnerable(proof) + _measured(proof)
    remarks = [_sentence(established)] if against and established else []
    return Headline(
        tone=tone,
        word="Wrong set-up" if assessed.exit_status == WRONG_SET_UP else _WORDS[tone],
        sentence=_sentence(against or established or [_nothing(proof)]),
        remarks=(*remarks, *_remarks(assessed)),
    )


def _sentence(parts: list[str]) -> str:
    words = ", ".join(parts)
    return f"{words[:1].upper()}{words[1:]}."


def _contradictions(assessed: Assessment) -> list[str]:
    proof = assessed.proof
    declared = {variant.name for variant in proof.variants if variant.sound}
    broken = [cell for cell in proof.cells if assessed.of(cell) is Standing.BROKEN]
    missed = [cell for cell in proof.cells if assessed.of(cell) is Standing.MISSED]
    parts = []
    for cells, noun, plural, what in (
        (
            [cell for cell in broken if cell.variant in declared],
            f"{proof.noun} declared sound",
            f"{proof.noun}s declared sound",
            ("broke", "broke"),
        ),
        (
            [cell for cell in broken if cell.variant not in declared],
            f"{proof.noun} that was to hold",
            f"{proof.noun}s that were to hold",
            ("broke", "broke"),
        ),
        (
            missed,
            f"vulnerable {proof.noun}",
            f"vulnerable {proof.noun}s",
            ("was not caught", "were not caught"),
        ),
    ):
        places: dict[str, list[str]] = {}
        for cell in cells:
            places.setdefault(cell.variant, []).append(cell.scenario)
        if places:
            where = listed(
                [f"{name} in {listed(found, limit=2)}" for name, found in places.items()], limit=3
            )
            verb = what[len(places) > 1]
            parts.append(f"{count(len(places), noun, plural)} {verb} ({where})")
    return parts


def _was(amount: int) -> str:
    return "was" if amount == 1 else "were"


def _sound(assessed: Assessment) -> list[str]:
    """Guards that held everywhere, and those that held where they were judged."""
    proof = assessed.proof
    total = len(proof.scenarios)
    whole, partly, skipped = 0, 0, False
    for variant in proof.variants:
        if not _to_hold(proof, variant):
            continue
        kinds = {assessed.standing(variant.name, s.name) for s in proof.scenarios}
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
    vulnerable = [variant.name for variant in proof.variants if not _to_hold(proof, variant)]
    caught = sum(
        any(cell.status is Status.INVALID for cell in _cells(proof, name)) for name in vulnerable
    )
    return [f"{count(caught, f'vulnerable {proof.noun}')} {_was(caught)} caught"] if caught else []


def _to_hold(proof: Proof, variant: Variant) -> bool:
    """Tell whether a variant is expected to hold: a check of it alone expects that of any."""
    expected = {cell.expected for cell in _cells(proof, variant.name)}
    return Status.INVALID not in expected if expected else variant.sound


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
    if any(cell.search is not None and cell.search.how is How.COMPLETE for cell in proof.cells):
        return f"no {proof.noun} was judged to its end"
    return f"no {proof.noun} could be judged"


def _remarks(assessed: Assessment) -> tuple[str, ...]:
    proof = assessed.proof
    kinds = [assessed.of(cell) for cell in proof.cells]
    remarks = []
    searched = searched_cells(proof)
    if searched:
        remarks.append(searched)
    if proof.survivals:
        remarks.append(_under_failures(proof))
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
    for beside, came in zip(proof.beside, assessed.beside, strict=True):
        if came is None:
            remarks.append(f"Not proved with {beside.name}: {beside.missing}")
        else:
            other = headline(came)
            remarks.append(f"With {beside.name}: {other.word.lower()}. {other.sentence}")
    return tuple(remarks)


def _under_failures(proof: Proof) -> str:
    words = [survival.word for survival in proof.survivals]
    cells, left = count(len(words), "cell"), words.count("open")
    if any(word.endswith("!") for word in words):
        return (
            f"Under failures not all of {cells} are as declared; not searched to its end: {left}."
        )
    return (
        f"Under failures {len(words) - left} of {cells} are as declared, all searched; {left} open."
    )
