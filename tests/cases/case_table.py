"""The small services of this folder, and how ``paidonce explore`` has to end on each.

A row is one search: 0 complete, 1 a counterexample, 3 not complete. Where two codes are right, the
second is the honest way out, and ``says`` is what the reason then has to name. How each verdict is
known is told in the service's own file, or in the comments here; none of it comes from a search.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One search of one variant of one target file."""

    folder: str
    target: str
    variant: str
    codes: tuple[int, ...]
    says: str = ""
    """What the output names where the code is 3."""
    flags: tuple[str, ...] = ()
    node: bool = False
    quick: bool = False
    """Whether it is one of the sample that every test run plays."""

    def __str__(self) -> str:
        flags = "-".join(flag.strip("-") for flag in self.flags)
        return "-".join(
            part
            for part in (self.folder, self.target.removesuffix(".toml"), self.variant, flags)
            if part
        )


def _cases(folder: str, target: str, code: int, *variants: str, quick: str = "") -> list[Case]:
    return [
        Case(folder, target, variant, (code,), quick=variant == quick != "") for variant in variants
    ]


FOUND, COMPLETE, UNDECIDED = 1, 0, 3

CASES: list[Case] = [
    # Locks by a hash of a number, however it is spelt, are as good as the number.
    *_cases("advisory-hash", "adv.toml", COMPLETE, "h_text", "h_str", "h_pfx", "h_pypfx", "num"),
    *_cases("advisory-hash", "target.toml", FOUND, "racy"),
    *_cases("advisory-hash", "target.toml", COMPLETE, "fixed"),
    # One statement that commits by itself, overlapping with another: two connections, the first
    # statement held open in a transaction, show each of them (PostgreSQL manual 13.2.1).
    *_cases("autocommit-coupon", "coupon.toml", FOUND, "racy"),
    *_cases("autocommit-deposit_skip", "deposit_skip.toml", FOUND, "racy"),
    *_cases("autocommit-lower_email", "lower_email.toml", FOUND, "racy"),
    *_cases("autocommit-ser_auto", "ser_auto.toml", FOUND, "racy"),
    *_cases("autocommit-swap", "swap.toml", FOUND, "racy"),
    # Two handlers within one millisecond have the same token: bursts show it.
    Case("clock-token", "target.toml", "racy", (FOUND, UNDECIDED), says="clock"),
    *_cases("clock-token", "target.toml", FOUND, "coarse"),
    *_cases("clock-token", "target.toml", COMPLETE, "fixed"),
    Case("cold-cache", "target.toml", "", (FOUND,), node=True),
    *_cases("cold-caches", "target.toml", FOUND, "settings", "row", "script"),
    *_cases("derived-value", "derived.toml", FOUND, ""),
    *_cases("derived-value", "derivedcap.toml", FOUND, ""),
    *_cases("derived-value", "lookup.toml", FOUND, ""),
    *_cases("event-born-in-call", "target.toml", FOUND, "racy"),
    *_cases("event-born-in-call", "target.toml", COMPLETE, "fixed"),
    *_cases("event-born-in-call", "target-b.toml", FOUND, "racy"),
    *_cases("event-born-in-call", "target-b.toml", COMPLETE, "fixed"),
    # Its event is about the refund, and the handler looks for refunds of a charge of that id: it
    # finds none whenever it comes, and books nothing. Of the events that Stripe does raise for a
    # refund, refund.created is in event.toml, charge.refunded in target-b.toml.
    *_cases("event-born-in-call", "target-c.toml", COMPLETE, "racy"),
    *_cases("event-born-in-call", "target-c.toml", COMPLETE, "fixed"),
    *_cases("event-born-in-call", "event.toml", FOUND, "racy"),
    *_cases("event-born-in-call", "event.toml", COMPLETE, "fixed"),
    Case("event-born-in-call", "never.toml", "fixed", (UNDECIDED,), says="payment_intent.canceled"),
    *_cases("event-born-in-call", "maybe.toml", COMPLETE, "fixed"),
    # A sweep of another process, which is asked while somebody pays.
    *_cases("sweep", "target.toml", FOUND, "racy"),
    *_cases("sweep", "target.toml", COMPLETE, "fixed"),
    # The webhook comes before the answer of the call that raised its event.
    *_cases("event-before-answer", "target.toml", FOUND, "racy", quick="racy"),
    *_cases("event-before-answer", "target.toml", COMPLETE, "fixed"),
    # Locks that are there when somebody looks; that are gone by then, on another row, or come later
    # than the snapshot. Two plain threads show each.
    *_cases(
        "held-locks",
        "target.toml",
        FOUND,
        "within_savepoint",
        "advisory_within",
        "of_customer",
        "advisory_and_look",
        "declare_then_lock",
        "trigger_stable",
        "payable",
        "replaced",
        "told_before",
    ),
    *_cases(
        "held-locks",
        "target.toml",
        COMPLETE,
        "before_savepoint",
        "of_order",
        "advisory_then_look",
        "lock_then_declare",
        "trigger",
    ),
    # A statement that has the order's number in the name of a table. A search that took it for
    # another one in each execution began again until its time was over.
    Case("table-claim", "target.toml", "racy", (FOUND,), flags=("--budget", "30s"), quick=True),
    Case(
        "table-claim",
        "target.toml",
        "claimed",
        (COMPLETE, UNDECIDED),
        says="'CREATE TABLE claim_order ()' could not be held",
        flags=("--budget", "30s"),
    ),
    # A lease that can run out, with nothing that fences its last holder, and beside a lock.
    *_cases("lease", "target.toml", FOUND, "racy", "counted", quick="racy"),
    *_cases("lease", "target.toml", COMPLETE, "fixed", "both"),
    # The same under failures.
    Case("lease", "failing.toml", "racy", (FOUND,), flags=("--faults", "1")),
    # The same where time passes in the search: the lease has run out then, or has not.
    *_cases("lease", "timed.toml", FOUND, "racy"),
    *_cases("lease", "timed.toml", COMPLETE, "fixed"),
    # Of the target's own time the lease sees no end: time that it has not passes as well.
    *_cases("lease", "part.toml", FOUND, "racy"),
    *_cases("lease", "part.toml", COMPLETE, "both"),
    # One in a row, whose time is moved.
    *_cases("row-lease", "target.toml", FOUND, "racy", "coalesced", "function", "view"),
    *_cases("row-lease", "target.toml", COMPLETE, "fixed"),
    # Its end is undone by a trigger that time would not set off, or by one that nothing keeps out.
    *_cases("row-lease", "kept.toml", FOUND, "grows"),
    *_cases("row-lease", "kept.toml", COMPLETE, "fixed"),
    Case("row-lease", "kept.toml", "always", (UNDECIDED,), says="invoice.taken_until is set by"),
    Case("row-lease", "kept.toml", "skipped", (UNDECIDED,), says="invoice.taken_until is set by"),
    *_cases("row-lease", "timed.toml", FOUND, "racy"),
    *_cases("row-lease", "timed.toml", COMPLETE, "fixed"),
    # An answer that is looked at late, when others have left the set of orders in work again.
    *_cases("late-answers", "target.toml", FOUND, "postgres", "redis", "stripe"),
    *_cases("late-answers", "target.toml", COMPLETE, "before"),
    # A lock that is not waited for to the end, in real time: what then comes is not searched.
    Case("lock-timeout", "target.toml", "goes_on", (FOUND, UNDECIDED), says="lock_timeout is 1 s"),
    Case("lock-timeout", "target.toml", "by_function", (FOUND, UNDECIDED), says="statement_time"),
    Case("lock-timeout", "target.toml", "cut_off", (FOUND, UNDECIDED), says="idle_in_transaction"),
    *_cases("lock-timeout", "target.toml", COMPLETE, "never", "out_of_the_way"),
    *_cases("lock-timeout", "holds.toml", COMPLETE, "goes_on"),
    *_cases("lost-answer", "target.toml", FOUND, "racy"),
    *_cases("lost-answer", "target.toml", COMPLETE, "fixed"),
    Case("memory-session-cache", "target.toml", "", (FOUND,), node=True),
    # A session of SQLAlchemy shows what it has loaded, also under a lock, unless it is told not to.
    # Two calls under one key at once, of which Stripe refuses the second.
    *_cases("one-key", "target.toml", FOUND, "another_key"),
    *_cases("one-key", "target.toml", COMPLETE, "refused", "library"),
    *_cases("orm-sessions", "target.toml", FOUND, "stale_identity", "versioned_after"),
    *_cases("orm-sessions", "target.toml", COMPLETE, "populated", "refreshed", "versioned"),
    *_cases("orm-sessions", "target.toml", COMPLETE, "flushed"),
    *_cases("other-redis-database", "target.toml", FOUND, "racy", quick="racy"),
    *_cases("other-redis-database", "target.toml", COMPLETE, "fixed"),
    *_cases("redelivery-race", "target.toml", FOUND, "racy"),
    *_cases("redelivery-race", "target.toml", COMPLETE, "fixed"),
    *_cases("redelivery-race", "target-b.toml", FOUND, "racy"),
    # Claims in Redis, under keys with a short id in them, which looks like no generated one.
    *_cases("redis-claims", "target.toml", FOUND, "pipeline", "watched_late", "released_early"),
    *_cases(
        "redis-claims",
        "target.toml",
        COMPLETE,
        "watched",
        "script",
        "transaction",
        "counted",
    ),
    *_cases(
        "redis-database",
        "target.toml",
        FOUND,
        "copy_db",
        "copy_replace_db",
        "select_pipelined",
        "select_in_multi",
        quick="copy_db",
    ),
    *_cases("replay-path", "target.toml", FOUND, "racy"),
    *_cases("replay-path", "target.toml", COMPLETE, "fixed"),
    *_cases("replay-path", "allow.toml", FOUND, "racy"),
    *_cases("reset-by-peer", "reset.toml", FOUND, ""),
    *[
        case
        for target in ("", "-order", "-order2", "-plain", "-suffix", "-uuid")
        for case in _cases("run-key", f"target{target}.toml", COMPLETE, "racy")
    ],
    # What is stored is looked for first, and is unique or not; one lane or two make no difference.
    *[
        Case("secret-per-lane", target, "", (code,), flags=("-j", lanes), node=True)
        for target, code in (
            ("target.toml", FOUND),
            ("fixed.toml", COMPLETE),
            ("fixed-run.toml", COMPLETE),
        )
        for lanes in ("1", "2")
    ],
    *_cases("self-deadlock", "target.toml", FOUND, "racy"),
    *_cases("self-deadlock", "target.toml", COMPLETE, "fixed"),
    *_cases("serializable-trap", "target.toml", FOUND, "rc", "rr", "trap", "trap_key"),
    *_cases("serializable-trap", "target.toml", COMPLETE, "serializable"),
    # One of two lawful payments is lost; a mutex, an UPDATE that adds and a lock each mend it.
    *_cases("shrunk-too-far", "target.toml", FOUND, "racy"),
    *_cases("shrunk-too-far", "target.toml", COMPLETE, "mutex", "fixed"),
    *_cases("shrunk-too-far", "target-b.toml", FOUND, "racy"),
    *_cases("shrunk-too-far", "target-b.toml", COMPLETE, "atomic", "mutex", "fixed"),
    # Two plain threads pay 28 to 30 of 30 orders twice with each racy one, 0 with the sound ones.
    *_cases("statements", "target.toml", COMPLETE, "plain", "function_locked", quick="plain"),
    *_cases(
        "statements",
        "target.toml",
        FOUND,
        "subselect",
        "merge",
        "function",
        "procedure",
        "deferred_trigger",
        "commit_and_chain",
        "commit_begin_text",
        "computed_column",
        "user_cast",
        "aggregate",
    ),
    # Who looks for a payment that is paid, and then for one that is pending, finds neither where it
    # becomes the former in between: test_sql_gaps shows it with two plain sessions.
    Case("statements", "target.toml", "moved", (FOUND, UNDECIDED), says="looks several times"),
    *_cases("stripe-footprint", "target.toml", FOUND, "stuck"),
    *_cases("time-in-text", "log.toml", FOUND, ""),
    # A guard under a key with the minute in it, and a lease that the service's own code looks at:
    # whoever comes a minute later pays again. The same beside a claim, or a lock, decides nothing.
    Case("timed-answers", "target.toml", "minute", (UNDECIDED,), says="has the time in it"),
    Case("timed-answers", "target.toml", "minute_at_once", (UNDECIDED,), says="has the time in it"),
    Case("timed-answers", "target.toml", "hashed", (UNDECIDED,), says="hash of the time"),
    *_cases("timed-answers", "target.toml", COMPLETE, "limited", "kept_for_a_minute"),
    # By the very time a row is known, so that it is not moved.
    Case("timed-answers", "rows.toml", "leased", (UNDECIDED,), says="a lease"),
    *_cases("timed-answers", "rows.toml", COMPLETE, "locked"),
    *_cases("two-carts", "coupon.toml", FOUND, ""),
    *_cases("two-carts", "coupon-sql.toml", FOUND, ""),
    *[
        Case("two-statements-one-text", "target.toml", variant, codes, says="sent as one")
        for variant, codes in (
            ("look_then_note", (FOUND, UNDECIDED)),
            ("guarded_insert_then_look", (FOUND, UNDECIDED)),
            ("begin_racy", (FOUND, UNDECIDED)),
            ("claim_then_log_select", (COMPLETE, UNDECIDED)),
        )
    ],
    *_cases(
        "two-statements-one-text",
        "target.toml",
        COMPLETE,
        "claim_then_note",
        "set_then_claim",
        "begin_commit",
        quick="claim_then_note",
    ),
    *_cases("uncaptured-id", "plain.toml", FOUND, ""),
    Case("uncaptured-id", "captured.toml", "", (FOUND,)),
    *_cases("uncaptured-id", "snap.toml", FOUND, ""),
    *[
        case
        for target in ("target.toml", "const.toml", "runonly.toml", "freshcol.toml")
        for case in (
            *_cases("value-in-text", target, FOUND, "select_insert", "not_exists"),
            *_cases("value-in-text", target, COMPLETE, "do_update", "fixed"),
        )
    ],
    *_cases("webhook-stale-payload", "target.toml", FOUND, "racy"),
    *_cases("webhook-stale-payload", "target.toml", COMPLETE, "fixed"),
    *_cases("webhook-stale-payload", "target-b.toml", FOUND, "racy"),
    *_cases("webhook-stale-payload", "target-b.toml", COMPLETE, "fixed"),
]

STILL_WRONG: dict[str, tuple[str, ...]] = {}
"""Rows that end otherwise, by why."""
