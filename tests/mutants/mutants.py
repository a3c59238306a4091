"""Small changes of the reference service's sound guards, each declared broken or sound, and why.

A mutant is data: texts to be replaced in files of ``reference_service``, and SQL for its schema.
What is declared was thought about, and is confirmed by plain threads (``threads.py``); no search
had a say. All are about the pair of attempts that they name, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass

STORE = "store.py"
FLOW = "flow.py"
BASE = "guards/base.py"
HOLDING = "guards/holding.py"
RESERVING = "guards/reserving.py"


@dataclass(frozen=True)
class Mutant:
    """A changed service: ``patches`` are (file, old text, new text), each found once."""

    name: str
    guard: str
    sound: bool
    why: str
    patches: tuple[tuple[str, str, str], ...]
    schema: tuple[str, ...] = ()
    """Statements after the schema's own."""
    scenario: str = "two_tabs"


def _lock(name: str, clause: str, *, sound: bool, why: str, nowait: bool = False) -> Mutant:
    """Another locking clause of ``row_lock`` or ``row_lock_nowait``."""
    old = " FOR UPDATE NOWAIT" if nowait else " FOR UPDATE"
    where = 'LOCK_NOWAIT = text("SELECT *' if nowait else 'LOCK = text("SELECT *'
    line = f'{where} FROM orders WHERE id = :id{old}")'
    return Mutant(
        name=name,
        guard="row_lock_nowait" if nowait else "row_lock",
        sound=sound,
        why=why,
        patches=((STORE, line, f'{where} FROM orders WHERE id = :id{clause}")'),),
    )


def _locked_by(name: str, select: str, *, sound: bool, why: str) -> Mutant:
    """Another statement that locks and reads, of ``row_lock``."""
    return Mutant(
        name=name,
        guard="row_lock",
        sound=sound,
        why=why,
        patches=(
            (
                STORE,
                'LOCK = text("SELECT * FROM orders WHERE id = :id FOR UPDATE")',
                f"LOCK = text({select!r})",
            ),
        ),
    )


def _read_row(name: str, body: str, *, sound: bool, why: str) -> Mutant:
    """Another body of ``row_lock``'s ``lock_and_read``."""
    old = "        return store.fetch_order(connection, store.LOCK, id=self.job.order_id)"
    return Mutant(name, "row_lock", sound, why, (("guards/row_lock.py", old, body),))


def _advisory(
    name: str,
    function: str,
    *,
    sound: bool,
    why: str,
    scenario: str = "two_tabs",
    values: str = '{"id": self.job.order_id}',
) -> Mutant:
    """Another lock of ``advisory_lock``."""
    file = "guards/advisory_lock.py"
    old = "SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"
    patches = [(file, old, f"SELECT {function}")]
    if values != '{"id": self.job.order_id}':
        patches.append((file, '{"id": self.job.order_id})', f"{values})"))
    return Mutant(name, "advisory_lock", sound, why, tuple(patches), scenario=scenario)


def _advisory_body(name: str, body: str, *, sound: bool, why: str) -> Mutant:
    file = "guards/advisory_lock.py"
    old = (
        '        connection.execute(_LOCK, {"id": self.job.order_id})\n'
        "        return store.fetch_order(connection, store.READ, id=self.job.order_id)"
    )
    return Mutant(name, "advisory_lock", sound, why, ((file, old, body),))


def _version(name: str, condition: str, *, sound: bool, why: str) -> Mutant:
    """Another condition of ``optimistic``."""
    patch = (STORE, 'SAME_VERSION = "version = :seen"', f'SAME_VERSION = "{condition}"')
    return Mutant(name, "optimistic", sound, why, (patch,))


def _optimistic(name: str, reads: str, reserves: str, *, sound: bool, why: str) -> Mutant:
    """``optimistic`` that reads at another level and reserves in the same transaction."""
    file = "guards/optimistic.py"
    return Mutant(
        name,
        "optimistic",
        sound,
        why,
        (
            (
                file,
                'connection = self.connect("AUTOCOMMIT")',
                f"connection = self.connect({reads})",
            ),
            (
                file,
                "ticket = self.reserve_where(order, plan, store.SAME_VERSION, seen=order.version)",
                reserves,
            ),
        ),
    )


def _serializable(name: str, old: str, new: str, *, sound: bool, why: str) -> Mutant:
    return Mutant(name, "serializable", sound, why, (("guards/serializable.py", old, new),))


def _index(name: str, index: str, *, sound: bool, why: str, scenario: str = "two_tabs") -> Mutant:
    """Another index of ``unique_index``."""
    schema = ("DROP INDEX one_exclusive_attempt_per_order", index)
    return Mutant(name, "unique_index", sound, why, (), schema, scenario)


def _claim(name: str, condition: str, *, sound: bool, why: str) -> Mutant:
    """Another condition of ``claim``'s UPDATE."""
    old = '" WHERE id = :id AND pending_attempt IS NULL RETURNING *"'
    new = f'" WHERE {condition} RETURNING *"'
    return Mutant(name, "claim", sound, why, ((STORE, old, new),))


_NO_NX = (
    "guards/redis_client.py",
    "client.set(name, owner, nx=True, px=lease_ms)",
    "client.set(name, owner, px=lease_ms)",
)
_FENCE = 'SAME_FENCE = "fence = :token AND pending_attempt IS NULL"'


def _redis(name: str, *patches: tuple[str, str, str], sound: bool, why: str) -> Mutant:
    return Mutant(name, "redis_lock", sound, why, patches)


_STALE = "what is read is of the statement's snapshot, which is older than the lock"
_BOTH_IN = "both read the order as unpaid"

MUTANTS: tuple[Mutant, ...] = (
    # --- row_lock: the clause
    _lock("row-no-lock", "", sound=False, why=_BOTH_IN),
    _lock("row-for-share", " FOR SHARE", sound=False, why="shared; the writes then deadlock"),
    _lock("row-for-key-share", " FOR KEY SHARE", sound=False, why="no conflict with an UPDATE"),
    _lock("row-for-no-key-update", " FOR NO KEY UPDATE", sound=True, why="in conflict with itself"),
    _lock("row-nowait", " FOR UPDATE NOWAIT", sound=True, why="55P03 is answered as a 409"),
    _lock("row-skip-locked", " FOR UPDATE SKIP LOCKED", sound=False, why="the loser is told 404"),
    _lock("row-of-orders", " FOR UPDATE OF orders", sound=True, why="the same lock"),
    _lock(
        "row-idle-only",
        " AND pending_attempt IS NULL FOR UPDATE",
        sound=True,
        why="looked at again after the wait, and true of all that end cleanly",
    ),
    _lock(
        "row-unpaid-only",
        " AND payment_status = 'unpaid' FOR UPDATE",
        sound=False,
        why="the loser finds no row after its wait and is told 404",
    ),
    _lock("nowait-no-lock", "", sound=False, why=_BOTH_IN, nowait=True),
    _lock("nowait-share", " FOR SHARE NOWAIT", sound=False, why="shared", nowait=True),
    _lock("nowait-key-share", " FOR KEY SHARE NOWAIT", sound=False, why="no conflict", nowait=True),
    _lock(
        "nowait-no-key-update",
        " FOR NO KEY UPDATE NOWAIT",
        sound=True,
        why="in conflict with itself",
        nowait=True,
    ),
    _lock(
        "nowait-skip-locked", " FOR UPDATE SKIP LOCKED", sound=False, why="told 404", nowait=True
    ),
    _lock("nowait-waits", " FOR UPDATE", sound=True, why="that is row_lock", nowait=True),
    # --- row_lock: the statement
    _locked_by(
        "row-locked-in-subselect",
        "SELECT orders.* FROM orders WHERE id = (SELECT id FROM orders WHERE id = :id FOR UPDATE)",
        sound=False,
        why=_STALE,
    ),
    _locked_by(
        "row-locked-in-cte",
        "WITH held AS (SELECT id AS held_id FROM orders WHERE id = :id FOR UPDATE)"
        " SELECT orders.* FROM orders JOIN held ON held_id = id",
        sound=False,
        why=_STALE,
    ),
    _locked_by(
        "row-read-from-locked",
        "SELECT orders.* FROM (SELECT * FROM orders WHERE id = :id FOR UPDATE) orders",
        sound=True,
        why="the rows come from where they are locked",
    ),
    _locked_by(
        "row-locked-cte-read-from",
        "WITH orders AS (SELECT * FROM orders WHERE id = :id FOR UPDATE)"
        " SELECT orders.* FROM orders",
        sound=True,
        why="the rows come from where they are locked",
    ),
    _locked_by(
        "row-self-join",
        "SELECT orders.* FROM orders JOIN orders held (held_id, b, c, d, e, f, g, h, i, j, k)"
        " ON held_id = orders.id WHERE held_id = :id FOR UPDATE OF held",
        sound=False,
        why="only the other one of the two is read anew",
    ),
    _locked_by(
        "row-self-join-both",
        "SELECT orders.* FROM orders JOIN (SELECT id AS held_id FROM orders) held"
        " ON held_id = id WHERE id = :id FOR UPDATE OF orders",
        sound=True,
        why="the one that is read is the one that is locked",
    ),
    # --- row_lock: order, transaction, isolation
    _read_row(
        "row-read-before-lock",
        "        order = store.fetch_order(connection, store.READ, id=self.job.order_id)\n"
        "        store.fetch_order(connection, store.LOCK, id=self.job.order_id)\n"
        "        return order",
        sound=False,
        why="decided upon before the lock was had",
    ),
    _read_row(
        "row-read-after-lock",
        "        store.fetch_order(connection, store.LOCK, id=self.job.order_id)\n"
        "        return store.fetch_order(connection, store.READ, id=self.job.order_id)",
        sound=True,
        why="a statement after the wait has a snapshot of its own",
    ),
    _read_row(
        "row-committed-early",
        "        order = store.fetch_order(connection, store.LOCK, id=self.job.order_id)\n"
        "        connection.commit()\n"
        "        return order",
        sound=False,
        why="the lock ends with its transaction",
    ),
    _read_row(
        "row-savepoint-rolled-back",
        "        with connection.begin_nested() as point:\n"
        "            order = store.fetch_order(connection, store.LOCK, id=self.job.order_id)\n"
        "            point.rollback()\n"
        "        return order",
        sound=False,
        why="locks of a savepoint go when it is rolled back (manual, ROLLBACK TO SAVEPOINT)",
    ),
    _read_row(
        "row-savepoint-released",
        "        with connection.begin_nested():\n"
        "            return store.fetch_order(connection, store.LOCK, id=self.job.order_id)",
        sound=True,
        why="released savepoints keep their locks",
    ),
    Mutant(
        "row-in-autocommit",
        "row_lock",
        False,
        "the lock ends with its statement",
        (
            (
                HOLDING,
                "self.lock_and_read(self.connect())",
                'self.lock_and_read(self.connect("AUTOCOMMIT"))',
            ),
        ),
    ),
    Mutant(
        "row-repeatable-read",
        "row_lock",
        True,
        "whoever waited gets 40001 before Stripe is called, and reads again",
        (
            (
                HOLDING,
                "self.lock_and_read(self.connect())",
                'self.lock_and_read(self.connect("REPEATABLE READ"))',
            ),
        ),
    ),
    Mutant(
        "row-serializable",
        "row_lock",
        True,
        "as at REPEATABLE READ",
        (
            (
                HOLDING,
                "self.lock_and_read(self.connect())",
                'self.lock_and_read(self.connect("SERIALIZABLE"))',
            ),
        ),
    ),
    Mutant(
        "row-commit-before-stripe",
        "row_lock",
        False,
        "the lock is gone while Stripe is called",
        (
            (
                HOLDING,
                "        return self.ticket(order, plan, order.version)",
                "        self.connection.commit()\n"
                "        return self.ticket(order, plan, order.version)",
            ),
        ),
    ),
    Mutant(
        "row-rollback-before-stripe",
        "row_lock",
        False,
        "the lock is gone while Stripe is called",
        (
            (
                HOLDING,
                "        return self.ticket(order, plan, order.version)",
                "        self.connection.rollback()\n"
                "        return self.ticket(order, plan, order.version)",
            ),
        ),
    ),
    Mutant(
        "row-never-committed",
        "row_lock",
        False,
        "what was paid is not recorded",
        (
            (
                HOLDING,
                "        else:\n            self.connection.rollback()\n"
                "            return settlement.answer\n        self.connection.commit()\n",
                "        else:\n            self.connection.rollback()\n"
                "            return settlement.answer\n",
            ),
        ),
    ),
    Mutant(
        "row-without-stripe-key",
        "row_lock",
        True,
        "the lock alone keeps the second from Stripe",
        ((HOLDING, "    resettles = False", "    resettles = False\n    keyed = False"),),
    ),
    # --- advisory_lock: function and key
    _advisory(
        "advisory-shared",
        "pg_advisory_xact_lock_shared(hashtextextended(:id, 0))",
        sound=False,
        why="shared",
    ),
    _advisory(
        "advisory-tried",
        "pg_try_advisory_xact_lock(hashtextextended(:id, 0))",
        sound=False,
        why="nobody looks at what it answers",
    ),
    _advisory(
        "advisory-32-bits",
        "pg_advisory_xact_lock(hashtext(:id))",
        sound=True,
        why="equal for one order",
    ),
    _advisory(
        "advisory-two-keys",
        "pg_advisory_xact_lock(7, hashtext(:id))",
        sound=True,
        why="equal for one order",
    ),
    _advisory(
        "advisory-constant", "pg_advisory_xact_lock(42)", sound=True, why="one for all", values="{}"
    ),
    _advisory(
        "advisory-random",
        "pg_advisory_xact_lock(hashtextextended(:id || random()::text, 0))",
        sound=False,
        why="another lock for each",
    ),
    _advisory(
        "advisory-by-client-key",
        "pg_advisory_xact_lock(hashtextextended(:id, 0))",
        sound=False,
        why="each tab has a key of its own",
        values='{"id": self.job.client_key or ""}',
    ),
    _advisory(
        "advisory-by-kind",
        "pg_advisory_xact_lock(hashtextextended(:id, 0))",
        sound=True,
        why="two payments are of one kind",
        values='{"id": self.job.order_id + self.job.kind}',
    ),
    _advisory(
        "advisory-by-kind-cancelled",
        "pg_advisory_xact_lock(hashtextextended(:id, 0))",
        sound=False,
        why="a payment and a cancellation have different locks",
        values='{"id": self.job.order_id + self.job.kind}',
        scenario="pay_vs_cancel",
    ),
    _advisory(
        "advisory-backend",
        "pg_advisory_xact_lock(hashtextextended(:id, pg_backend_pid()))",
        sound=False,
        why="another lock for each connection",
    ),
    _advisory(
        "advisory-seed",
        "pg_advisory_xact_lock(hashtextextended(:id, 7))",
        sound=True,
        why="equal for one order",
    ),
    # --- advisory_lock: order, transaction, isolation
    _advisory_body(
        "advisory-after-reading",
        "        order = store.fetch_order(connection, store.READ, id=self.job.order_id)\n"
        '        connection.execute(_LOCK, {"id": self.job.order_id})\n'
        "        return order",
        sound=False,
        why="decided upon before the lock was had",
    ),
    _advisory_body(
        "advisory-and-row",
        '        connection.execute(_LOCK, {"id": self.job.order_id})\n'
        "        return store.fetch_order(connection, store.LOCK, id=self.job.order_id)",
        sound=True,
        why="two locks, always in that order",
    ),
    _advisory_body(
        "advisory-in-one-statement",
        "        both = text(\n"
        '            "SELECT orders.* FROM"\n'
        '            " (SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))) held, orders"\n'
        '            " WHERE id = :id"\n'
        "        )\n"
        "        return store.fetch_order(connection, both, id=self.job.order_id)",
        sound=False,
        why=_STALE,
    ),
    _advisory_body(
        "advisory-committed-early",
        '        connection.execute(_LOCK, {"id": self.job.order_id})\n'
        "        connection.commit()\n"
        "        return store.fetch_order(connection, store.READ, id=self.job.order_id)",
        sound=False,
        why="the lock ends with its transaction",
    ),
    Mutant(
        "advisory-repeatable-read",
        "advisory_lock",
        False,
        "the snapshot is taken before the lock is waited for; the write fails after Stripe",
        (
            (
                HOLDING,
                "self.lock_and_read(self.connect())",
                'self.lock_and_read(self.connect("REPEATABLE READ"))',
            ),
        ),
    ),
    Mutant(
        "advisory-unlocked-early",
        "advisory_lock",
        False,
        "unlocked before Stripe is called",
        (
            ("guards/advisory_lock.py", "pg_advisory_xact_lock(", "pg_advisory_lock("),
            (
                "guards/advisory_lock.py",
                "return store.fetch_order(connection, store.READ, id=self.job.order_id)",
                "order = store.fetch_order(connection, store.READ, id=self.job.order_id)\n"
                "        connection.execute(\n"
                '            text("SELECT pg_advisory_unlock(hashtextextended(:id, 0))"),\n'
                '            {"id": self.job.order_id},\n'
                "        )\n"
                "        return order",
            ),
        ),
    ),
    # --- optimistic: the condition
    _version("version-not-older", "version >= :seen", sound=False, why="a later one is let in"),
    _version("version-any", "(version = :seen OR TRUE)", sound=False, why="always true"),
    _version(
        "version-in-exists",
        "EXISTS (SELECT FROM orders o WHERE o.id = :id AND o.version = :seen)",
        sound=False,
        why="a sub-select is not looked at again after the wait (manual 13.2.1)",
    ),
    _version(
        "version-in-subselect",
        "id = (SELECT o.id FROM orders o WHERE o.id = :id AND o.version = :seen)",
        sound=False,
        why="a sub-select is not looked at again after the wait",
    ),
    _version(
        "version-of-itself",
        "version = (SELECT o.version FROM orders o WHERE o.id = :id) AND :seen >= 0",
        sound=False,
        why="what was seen is not compared",
    ),
    _version(
        "version-both-ways",
        "version = :seen AND EXISTS (SELECT FROM orders o WHERE o.id = :id AND o.version = :seen)",
        sound=True,
        why="the row's own condition is looked at again",
    ),
    _version(
        "version-and-idle",
        "version = :seen AND pending_attempt IS NULL",
        sound=True,
        why="a condition more",
    ),
    _version(
        "version-idle-only",
        "pending_attempt IS NULL AND :seen >= 0",
        sound=False,
        why="idle again once the first has paid",
    ),
    _version(
        "version-unpaid-only",
        "payment_status = 'unpaid' AND :seen >= 0",
        sound=True,
        why="a payment that was begun or made is another status",
    ),
    _version(
        "version-not-paid",
        "payment_status <> 'paid' AND :seen >= 0",
        sound=False,
        why="a payment under way is let in",
    ),
    _version(
        "version-by-attempts",
        "attempt_no = :seen",
        sound=False,
        why="the number of attempts is the same until one has ended",
    ),
    Mutant(
        "version-not-counted",
        "optimistic",
        False,
        "all versions are the same",
        (
            (
                STORE,
                " refunded_amount = :refunded_amount, version = :version,",
                " refunded_amount = :refunded_amount, version = version,",
            ),
        ),
    ),
    Mutant(
        "version-unchecked",
        "optimistic",
        False,
        "whether anything was written is not asked",
        (
            (
                RESERVING,
                "        if not written:\n            raise LostRace\n        return ticket",
                "        return ticket",
            ),
        ),
    ),
    # --- optimistic: isolation
    _optimistic(
        "version-repeatable-read",
        '"REPEATABLE READ"',
        "ticket = self.reserve_where(order, plan, store.ALWAYS)\n        self.connection.commit()",
        sound=True,
        why="a row changed since the snapshot cannot be written: 40001, and read again",
    ),
    _optimistic(
        "version-read-committed",
        "",
        "ticket = self.reserve_where(order, plan, store.ALWAYS)\n        self.connection.commit()",
        sound=False,
        why="written over what came in between",
    ),
    _optimistic(
        "version-not-committed",
        "",
        "ticket = self.reserve_where(\n            order, plan, store.SAME_VERSION,"
        " seen=order.version\n        )",
        sound=False,
        why="the reservation is rolled back before Stripe is called",
    ),
    # --- serializable
    _serializable(
        "serializable-repeatable-read",
        'connection = self.connect("SERIALIZABLE")',
        'connection = self.connect("REPEATABLE READ")',
        sound=True,
        why="both write one row: the second gets 40001",
    ),
    _serializable(
        "serializable-read-committed",
        'connection = self.connect("SERIALIZABLE")',
        "connection = self.connect()",
        sound=False,
        why="written over what came in between",
    ),
    _serializable(
        "serializable-two-transactions",
        "ticket = self.reserve_where(order, plan, store.ALWAYS)",
        'self.connect("SERIALIZABLE")\n'
        "        ticket = self.reserve_where(order, plan, store.ALWAYS)",
        sound=False,
        why="read in one transaction, written in another",
    ),
    _serializable(
        "serializable-settled-at-once",
        'settle_isolation = "SERIALIZABLE"',
        'settle_isolation = "AUTOCOMMIT"',
        sound=True,
        why="whoever read before it cannot write the row after it",
    ),
    _serializable(
        "serializable-refusals-not-committed",
        "    def stands(self) -> None:\n        self.connection.commit()",
        "    def stands(self) -> None:\n        self.connection.rollback()",
        sound=True,
        why="of one row, what was read is what was committed",
    ),
    Mutant(
        "serializable-without-retry",
        "serializable",
        True,
        "who could not be serialized is told 409 before Stripe is called",
        ((FLOW, "case Trouble.LOST if patience.again():", "case Trouble.LOST if False:"),),
    ),
    # --- unique_index
    _index(
        "index-not-unique",
        "CREATE INDEX one_exclusive_attempt_per_order ON attempts (order_id)",
        sound=False,
        why="it admits everything",
    ),
    _index(
        "index-with-id",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id, id)"
        " WHERE state IN ('live', 'unknown') AND exclusive",
        sound=False,
        why="ids differ",
    ),
    _index(
        "index-of-the-others",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id)"
        " WHERE state IN ('live', 'unknown') AND NOT exclusive",
        sound=False,
        why="places held are exclusive",
    ),
    _index(
        "index-of-the-ended",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id)"
        " WHERE state = 'unknown' AND exclusive",
        sound=False,
        why="an attempt under way is live",
    ),
    _index(
        "index-live-only",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id)"
        " WHERE state = 'live' AND exclusive",
        sound=True,
        why="where Stripe answers, no attempt is of unknown outcome",
    ),
    _index(
        "index-not-partial",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id)",
        sound=True,
        why="one attempt for ever: too narrow for a second, lawful one, but that is not asked",
    ),
    _index(
        "index-by-kind",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id, kind)"
        " WHERE state IN ('live', 'unknown') AND exclusive",
        sound=True,
        why="two payments are of one kind",
    ),
    _index(
        "index-by-kind-cancelled",
        "CREATE UNIQUE INDEX one_exclusive_attempt_per_order ON attempts (order_id, kind)"
        " WHERE state IN ('live', 'unknown') AND exclusive",
        sound=False,
        why="a payment and a cancellation are admitted both",
        scenario="pay_vs_cancel",
    ),
    Mutant(
        "index-read-first",
        "unique_index",
        False,
        "read before the place is held; the other may have ended in between",
        (
            (
                "guards/unique_index.py",
                "        self._place = uuid.uuid4()\n        try:",
                "        self._place = uuid.uuid4()\n"
                "        order = store.fetch_order(connection, store.READ, id=self.job.order_id)\n"
                "        try:",
            ),
            (
                "guards/unique_index.py",
                "        return found(store.fetch_order(connection, store.READ,"
                " id=self.job.order_id))",
                "        return found(order)",
            ),
        ),
    ),
    Mutant(
        "index-conflict-ignored",
        "unique_index",
        True,
        "who finds a place taken waits for its owner's transaction, and reads the order after that",
        (
            (
                STORE,
                "            \" VALUES (:attempt, :order_id, :kind, 0, 'live', TRUE)\"",
                "            \" VALUES (:attempt, :order_id, :kind, 0, 'live', TRUE)\"\n"
                '            " ON CONFLICT DO NOTHING"',
            ),
        ),
    ),
    Mutant(
        "index-not-exclusive",
        "unique_index",
        False,
        "the index does not see the row",
        (
            (
                STORE,
                "            \" VALUES (:attempt, :order_id, :kind, 0, 'live', TRUE)\"",
                "            \" VALUES (:attempt, :order_id, :kind, 0, 'live', FALSE)\"",
            ),
        ),
    ),
    # --- claim
    # The UPDATE waits for the order's row, whatever else it asks, and returns it as it is then:
    # "processing", which is refused as well.
    _claim("claim-anyhow", "id = :id", sound=True, why="the row is locked, and tells"),
    _claim(
        "claim-in-subselect",
        "id = (SELECT o.id FROM orders o WHERE o.id = :id AND o.pending_attempt IS NULL)",
        sound=True,
        why="a sub-select is not looked at again after the wait, but what the row says is",
    ),
    _claim(
        "claim-in-locked-subselect",
        "id = (SELECT o.id FROM orders o WHERE o.id = :id AND o.pending_attempt IS NULL"
        " FOR UPDATE)",
        sound=True,
        why="the sub-select waits, and looks again",
    ),
    _claim(
        "claim-in-exists",
        "id = :id AND EXISTS"
        " (SELECT FROM orders o WHERE o.id = orders.id AND o.pending_attempt IS NULL)",
        sound=True,
        why="a sub-select is not looked at again after the wait, but what the row says is",
    ),
    _claim(
        "claim-coalesced",
        "id = :id AND coalesce(pending_attempt, gen_random_uuid()) IS NOT NULL",
        sound=True,
        why="true of every row; the row is locked, and tells",
    ),
    _claim(
        "claim-unless-paid",
        "id = :id AND payment_status <> 'paid'",
        sound=True,
        why="a payment under way is let in, and the row tells that it is under way",
    ),
    _claim(
        "claim-unpaid-and-idle",
        "id = :id AND pending_attempt IS NULL AND payment_status = 'unpaid'",
        sound=True,
        why="who comes after a payment loses a few races, and is told 409",
    ),
    Mutant(
        "claim-rolled-back",
        "claim",
        False,
        "the claim is given back before Stripe is called",
        (
            (
                "guards/claim.py",
                "        store.write_with_attempt(self.connection, reserved, self.live(ticket),"
                " store.ALWAYS)\n        self.connection.commit()\n",
                "        store.write_with_attempt(self.connection, reserved, self.live(ticket),"
                " store.ALWAYS)\n",
            ),
        ),
    ),
    Mutant(
        "claim-settled-by-anybody",
        "claim",
        True,
        "nobody else settles it",
        (
            (
                STORE,
                '" WHERE orders.id = ended.order_id AND orders.pending_attempt = :a_id"',
                '" WHERE orders.id = ended.order_id"',
            ),
        ),
    ),
    # --- redis_lock
    _redis("redis-without-nx", _NO_NX, sound=True, why="the fence decides"),
    _redis(
        "redis-without-nx-or-fence",
        _NO_NX,
        (STORE, _FENCE, 'SAME_FENCE = "TRUE OR fence = :token"'),
        sound=False,
        why="nothing is left",
    ),
    _redis(
        "redis-token-not-compared",
        _NO_NX,
        (STORE, _FENCE, 'SAME_FENCE = "pending_attempt IS NULL AND :token > 0"'),
        sound=False,
        why="idle again once the first has paid",
    ),
    _redis(
        "redis-older-tokens",
        _NO_NX,
        (STORE, _FENCE, 'SAME_FENCE = "fence >= :token AND pending_attempt IS NULL"'),
        sound=False,
        why="who was overtaken is let in",
    ),
    _redis(
        "redis-fence-alone",
        _NO_NX,
        (STORE, _FENCE, 'SAME_FENCE = "fence = :token"'),
        sound=True,
        why="whoever reads after a reservation sees it",
    ),
    _redis(
        "redis-lock-of-nobody",
        (
            "guards/redis_lock.py",
            "self._lock = lock_name(job.order_id)",
            "self._lock = lock_name(secrets.token_hex(8))",
        ),
        sound=True,
        why="the fence decides",
    ),
    _redis(
        "redis-lock-of-nobody-unfenced",
        (
            "guards/redis_lock.py",
            "self._lock = lock_name(job.order_id)",
            "self._lock = lock_name(secrets.token_hex(8))",
        ),
        (STORE, _FENCE, 'SAME_FENCE = "TRUE OR fence = :token"'),
        sound=False,
        why="nothing is left",
    ),
    _redis(
        "redis-one-lock-for-all",
        (
            "guards/redis_lock.py",
            "self._lock = lock_name(job.order_id)",
            'self._lock = lock_name("all")',
        ),
        sound=True,
        why="one for all",
    ),
    _redis(
        "redis-released-early",
        (
            "guards/redis_lock.py",
            "    def reserve(self, order: Order, plan: Plan) -> Ticket:\n",
            "    def reserve(self, order: Order, plan: Plan) -> Ticket:\n"
            "        self._client.delete(self._lock)\n",
        ),
        (STORE, _FENCE, 'SAME_FENCE = "TRUE OR fence = :token"'),
        sound=False,
        why="between the release and the reservation another reads the order as unpaid",
    ),
    _redis(
        "redis-released-early-fenced",
        (
            "guards/redis_lock.py",
            "    def reserve(self, order: Order, plan: Plan) -> Ticket:\n",
            "    def reserve(self, order: Order, plan: Plan) -> Ticket:\n"
            "        self._client.delete(self._lock)\n",
        ),
        sound=True,
        why="the fence decides",
    ),
    _redis(
        "redis-unconditional-fence",
        _NO_NX,
        (
            STORE,
            "WHERE id = :id AND fence < :token RETURNING *",
            "WHERE id = :id RETURNING *",
        ),
        sound=True,
        why="only who read last may reserve, whichever token that was",
    ),
    _redis(
        "redis-deleted-by-anybody",
        (
            "guards/redis_lock.py",
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end",
            "return redis.call('DEL', KEYS[1])",
        ),
        sound=True,
        why="where no lease runs out, the lock is one's own; and the fence decides",
    ),
)
