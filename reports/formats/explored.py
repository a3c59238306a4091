"""The page of one exploration, or of one witness: what it came to, and the film of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paidonce import harness
from paidonce.harness.results.searched import How, Searched
from paidonce.reports.charts.svg import xml_safe
from paidonce.reports.film import Film, film_of
from paidonce.reports.formats.html import environment
from paidonce.reports.formats.policy import with_policy
from paidonce.reports.formats.store import page_beside, write_file
from paidonce.reports.overview.grounds import rested
from paidonce.reports.overview.searches import search_words

_WORDS = {
    How.COMPLETE: ("proven", "Complete"),
    How.COUNTEREXAMPLE: ("contradicted", "Counterexample"),
    How.INCOMPLETE: ("undecided", "Not complete"),
    How.NOT_SEARCHED: ("undecided", "Not searched"),
}


def write_witness_page(witness: Path, search: Searched | None = None) -> Path:
    """Write the page of the witness beside it; returns its path.

    Raises ``UsageError`` when the witness or its history cannot be read, or the page not written.
    """
    film = film_of(witness)
    path = page_beside(witness)
    facts = {
        film.noun.capitalize(): film.variant,
        "Scenario": film.scenario,
        "Service": film.target,
    }
    made = _page(How.COUNTEREXAMPLE, film.conclusion, search, facts, film, witness.name)
    write_file(path, made.encode())
    return path


def write_search_page(
    path: Path,
    variant: str,
    scenario: str,
    search: Searched,
    witness: Path | None = None,
    noun: str = "guard",
    made: Mapping[str, str] | None = None,
) -> Path:
    """Write the page of an exploration to ``path``; with the film of its witness, if it has one.

    ``noun`` is what a variant is called; ``made`` says where, with what and how the search was
    made, by names for people.
    """
    film = None if witness is None else film_of(witness)
    titles = {
        How.COMPLETE: f"{variant} holds in {scenario}, in every interleaving of its attempts",
        How.INCOMPLETE: f"{variant} in {scenario}: not every interleaving was executed",
    }
    title = titles.get(search.how, "") if film is None else film.conclusion
    name = None if witness is None else witness.name
    facts = {noun.capitalize(): variant, "Scenario": scenario, **(made or {})}
    write_file(path, _page(search.how, title, search, facts, film, name).encode())
    return path


def _page(
    how: How,
    title: str,
    search: Searched | None,
    facts: dict[str, str],
    film: Film | None,
    witness: str | None,
) -> str:
    tone, word = _WORDS[how]
    template = environment().get_template("explored.html.j2")
    made = template.render(
        version=harness.__version__,
        tone=tone,
        word=word,
        title=title,
        remarks=[] if search is None else [search_words(search)],
        rests=rested(search),
        facts=facts.items(),
        film=film,
        witness=witness,
    )
    return with_policy(xml_safe(made), scripts=1)
