"""Who does the same as somebody else: in which order such actors begin is nobody's business.

Exchanging two actors that do the same turns an execution into another one that differs in who is
called what, and in nothing else. So it is enough to search those in which the first of them begins
first (symmetry reduction: Clarke, Enders, Filkorn & Jha, *Exploiting symmetry in temporal logic
model checking*, Formal Methods in System Design 9, 1996).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping


def twins(actors: Mapping[str, Hashable]) -> dict[str, str]:
    """For each actor the last one before it, in the order given, that does the same.

    ``actors`` tells what each does. Those before which nobody does the same are left out.
    """
    found: dict[str, str] = {}
    last: dict[Hashable, str] = {}
    for name, does in actors.items():
        if does in last:
            found[name] = last[does]
        last[does] = name
    return found
