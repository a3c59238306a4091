"""Under which conditions load is made: plain data, for results and reports."""

from __future__ import annotations

import msgspec


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """Under which conditions load was made, besides how much of it.

    ``contention`` is which orders clients pick ("hot:1", "zipf:1.1:100", "distinct"), ``think_s``
    their pauses and ``stripe_latency_ms`` how long Stripe takes ("" where nobody said), each as
    ``paidonce.harness.load.plan.spread`` writes it. A client waits ``timeout_s`` for an answer, and
    asks again up to ``retries`` times. The service had ``connections`` to its database at most (0:
    not told). Empty in results older than this.
    """

    contention: str = ""
    think_s: str = ""
    timeout_s: float = 0.0
    retries: int = 0
    stripe_latency_ms: str = ""
    connections: int = 0

    def named(self) -> dict[str, str]:
        """As texts by name, for a history's header."""
        return {
            "contention": self.contention,
            "think_s": self.think_s,
            "patience_s": f"{self.timeout_s:g}",
            "client_retries": str(self.retries),
            "stripe_latency_ms": self.stripe_latency_ms,
        }

    @property
    def words(self) -> str:
        """For people; empty where nothing is known."""
        if not self.contention:
            return ""
        again = {0: "no retries", 1: "one retry"}.get(self.retries, f"{self.retries} retries")
        told = (
            f"contention {self.contention}, think time {self.think_s} s, clients wait "
            f"{self.timeout_s:g} s for an answer, {again}"
        )
        if self.stripe_latency_ms:
            told += f", Stripe takes {self.stripe_latency_ms} ms"
        return told + f", {self.connections} database connections" * bool(self.connections)
