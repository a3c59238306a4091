"""The ``Server-Timing`` header, in which a service says where an answer's time went. Pure.

W3C, *Server Timing* (https://www.w3.org/TR/server-timing/), section 2: metrics separated by commas,
each a name with parameters, of which ``dur`` is a duration in milliseconds. Any service may say it,
and none has to. The names that are understood are those of
``paidonce.harness.results.load_observed.Where``: ``pool``, ``lock``, ``database`` (or ``db``),
``stripe`` and ``redis``; others are kept and not added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_METRIC = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_PARAMETER = re.compile(r';\s*([^\s;="]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;"]*)')
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?")
_TOKEN = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*")
_ALIASES = {"db": "database"}


def durations(header: str) -> dict[str, float]:
    """The metrics of a ``Server-Timing`` header that have a duration, in milliseconds.

    The first of two with one name counts, as for a parameter that is given twice (section 2); what
    is malformed is left out.
    """
    found: dict[str, float] = {}
    for metric in _METRIC.findall(header):
        token = _TOKEN.match(metric)
        said = [value.strip(' "') for key, value in _PARAMETER.findall(metric) if key == "dur"]
        if token is not None and said and _NUMBER.fullmatch(said[0]):
            name = token.group(1).lower()
            found.setdefault(_ALIASES.get(name, name), float(said[0]))
    return found


def means(headers: Iterable[str]) -> dict[str, float]:
    """The mean of each metric over the answers, in milliseconds.

    An answer that does not name a metric others name spent no time there.
    """
    sums: dict[str, float] = {}
    number = 0
    for header in headers:
        number += 1
        for name, spent in durations(header).items():
            sums[name] = sums.get(name, 0.0) + spent
    return {name: round(total / number, 4) for name, total in sums.items()} if number else {}
