"""The identity of an order: which captured value names it, and under which key Stripe does.

Nothing is judged by it; it tells reports which calls to Stripe belong together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paidonce.harness.targets.file.format import TargetFile
from paidonce.harness.targets.file.placeholders import names_in

_METADATA = "metadata."


def order_key(file: TargetFile) -> str:
    """The first metadata key by which an observation tells Stripe's objects apart."""
    return _named(file)[0]


def order_of(file: TargetFile, values: Mapping[str, Any]) -> str:
    """The order among captured values; empty where there is none."""
    return str(values.get(_named(file)[1], ""))


def _named(file: TargetFile) -> tuple[str, str]:
    for observe in file.observe.values():
        for path, wanted in observe.where.items():
            names = names_in(wanted)
            if path.startswith(_METADATA) and len(names) == 1:
                return path.removeprefix(_METADATA), names[0]
    return "order_id", "order"
