"""The second matrix as rows: adversities down, guards across. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from paidonce.harness.results.proof import Adversity, Proof, Survival


@dataclass(frozen=True)
class SurvivalRow:
    """One adversity, and a cell for each variant of the proof, in their order: None where a variant
    was not put through it."""

    adversity: Adversity
    cells: tuple[Survival | None, ...]

    @property
    def told(self) -> tuple[str, ...]:
        """The same, with how far the search came where that is open."""
        return tuple(
            "-" if cell is None else f"{cell.word}, {cell.extent}" if cell.extent else cell.word
            for cell in self.cells
        )

    @property
    def words(self) -> tuple[str, ...]:
        """A word for each variant; "-" where it was not put through it."""
        return tuple("-" if cell is None else cell.word for cell in self.cells)


def survival_rows(proof: Proof) -> list[SurvivalRow]:
    """Return a row for each adversity."""
    cells = {(survival.variant, survival.adversity): survival for survival in proof.survivals}
    return [
        SurvivalRow(adversity, tuple(cells.get((v.name, adversity.name)) for v in proof.variants))
        for adversity in proof.adversities
    ]


def why_open(proof: Proof, most: int | None = None) -> list[tuple[str, str]]:
    """Return the reasons why cells are open, each with the cells it is of and how far each came:
    with so many of them at ``most``, and how many more there are."""
    alike: dict[str, list[str]] = {}
    for survival in proof.survivals:
        if survival.word == "open":
            place = f"{survival.variant} × {survival.adversity} ({survival.extent})"
            alike.setdefault(survival.search.reason, []).append(place)
    return [(reason, _listed(places, most)) for reason, places in alike.items()]


def _listed(places: list[str], most: int | None) -> str:
    if most is None or len(places) <= most:
        return ", ".join(places)
    return f"{', '.join(places[:most])} and {len(places) - most} more (see the summary)"
