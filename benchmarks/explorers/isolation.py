"""The same SQL in PostgreSQL's isolationtester, in every order in which it can run."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from explorers.measured import Clock, Sample
from explorers.ours import Permutations
from paidonce.harness.backends.wheels import postgres_tool
from paidonce.harness.errors import PaidonceError
from paidonce.harness.explore.witness.narrative.sqltext import without_braces


def spec(of: Permutations, reset: Sequence[str], orders: Sequence[tuple[str, ...]]) -> str:
    """A spec whose setup only resets, as an execution of ours does; tables are there already."""
    lines = ["setup {", ";\n".join(without_braces(one) for one in reset), "}"]
    for session in of.sessions:
        lines.append(f"session {session.replace(' ', '_')}")
        lines += [
            f"step {name} {{ {without_braces(sql)} }}"
            for name, (owner, sql) in of.steps.items()
            if owner == session
        ]
        lines.append("teardown { ROLLBACK; }")
    lines += ["permutation " + " ".join(order) for order in orders]
    return "\n".join(lines) + "\n"


def once(
    specs: Sequence[str], urls: Sequence[str], expected: int, *, whole: bool = False
) -> Sample:
    """Run each spec on its database, side by side; together they have ``expected`` orders.

    Raises ``PaidonceError`` when isolationtester complains, or a session stays waiting.
    """
    clock = Clock()
    tester = postgres_tool("isolationtester")
    running = []
    for text, url in zip(specs, urls, strict=True):
        child = subprocess.Popen(
            [tester, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        child.stdin.write(text)
        child.stdin.close()
        child.stdin = None
        running.append(child)
    printed = [child.communicate(timeout=300) for child in running]
    sample = clock.sample(expected, whole=whole)
    made = sum(out.count("starting permutation:") for out, _ in printed)
    for child, (out, errors) in zip(running, printed, strict=True):
        if child.returncode != 0 or errors.strip() or "ERROR" in out:
            raise PaidonceError(f"isolationtester: {errors.strip() or out[-2000:]}")
    if made != expected:
        raise PaidonceError(f"isolationtester ran {made} permutations, expected {expected}")
    return sample
