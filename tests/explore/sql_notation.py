"""Resources in short: ``orders{id=1}``, ``~orders/key{id=1}`` for a shared one."""

from __future__ import annotations

from collections.abc import Iterable

from paidonce.harness.explore.footprint.model import Resource


def short(resources: Iterable[Resource]) -> set[str]:
    """The resources, without those of tables as such."""
    return {_one(resource) for resource in resources if resource.place[:1] != ("pg-table",)}


def _one(resource: Resource) -> str:
    place = list(resource.place)
    if place[:1] == ["pg"] and len(place) > 1:
        place = [part.removeprefix("public.") for part in place[1:]]
    key = ",".join(f"{column}={value}" for column, value in resource.key).replace("\0", "")
    return f"{'~' if resource.shared else ''}{'/'.join(place)}{{{key}}}"
