"""What a gate has go wrong with units: what the server did, and what the client saw."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper, recorded

from paidonce.harness.history import Fault, read_history
from paidonce.harness.taps.faults import ErrorAnswer, LostAnswer, NoContact
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.taps.postgres.errors import ERRORS

IDLE, FAILED = psycopg.pq.TransactionStatus.IDLE, psycopg.pq.TransactionStatus.INERROR
SIMPLY, PARAMS = "UPDATE item SET v = 'new' WHERE id = 1", ("UPDATE item SET v = %s", ("new",))


class Told(Gatekeeper):
    """A gate that is also told of calls behind others, and of those that never come."""

    def queued(self, call, connection):
        self.seen.append(("queued", call.label))

    def lost(self, call):
        self.seen.append(("lost", call.label))


class Bench:
    def __init__(self, tap, gate, connection, eyes):
        self.tap, self.gate, self.connection, self.eyes = tap, gate, connection, eyes
        self.pid = connection.info.backend_pid

    async def value(self):
        return (await (await self.eyes.execute("SELECT v FROM item WHERE id = 1")).fetchone())[0]

    async def state(self):
        """What the server says of the client's session; None once it has none."""
        statement = "SELECT state FROM pg_stat_activity WHERE pid = %s"
        row = await (await self.eyes.execute(statement, (self.pid,))).fetchone()
        return None if row is None else row[0]

    @contextlib.asynccontextmanager
    async def fault(self, *, request=None, answer=None):
        """While the block lasts, this happens to every unit."""
        self.gate.at_request, self.gate.at_answer = request, answer
        yield
        self.gate.at_request = self.gate.at_answer = None

    async def left(self):
        """Return once neither the tap nor the server has the session any more."""
        while self.tap.sessions or self.tap.in_flight or await self.state() is not None:
            await asyncio.sleep(0.001)
        assert self.closed == [1]


def play(database, tmp_path, story, *, apart=False):
    """Run ``story(bench)``; returns the effects and the faults it left."""

    async def main():
        async with (
            PostgresTap(database) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
        ):
            connection = await psycopg.AsyncConnection.connect(
                tap.url_for(database), autocommit=True
            )
            with recorded(tap, tmp_path / "h.jsonl") as effects:
                bench = Bench(tap, Told(), connection, eyes)
                bench.gate.commits_apart = lambda session, statements: apart
                bench.closed = []
                tap.on_close = lambda session: bench.closed.append(session.id)
                tap.bind(tap.journal, bench.gate)
                await story(bench)
            await connection.close()
        faults = [fault for _, fault in read_history(tmp_path / "h.jsonl").of(Fault)]
        return effects, faults

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_without_contact_the_server_never_hears_of_the_unit(database, tmp_path):
    async def story(bench):
        async with bench.fault(request=NoContact()):
            with pytest.raises(
                psycopg.OperationalError, match="closed the connection unexpectedly"
            ):
                await bench.connection.execute(SIMPLY)
        await bench.left()
        assert await bench.value() == "old"
        assert [side for side, _ in bench.gate.seen] == ["request", "answer"]

    (effect,), (fault,) = play(database, tmp_path, story)
    assert (effect.answer, effect.delivered) == (None, False)
    assert (fault.tap, fault.kind, fault.seq) == ("postgres", "no_contact", effect.seq)
    assert fault.detail == "UPDATE item SET v = ? WHERE id = ?: no contact"


def test_a_commit_whose_acknowledgement_is_lost_has_taken_place(database, tmp_path):
    async def story(bench):
        await bench.connection.execute("BEGIN")
        await bench.connection.execute(*PARAMS)
        async with bench.fault(answer=LostAnswer()):
            with pytest.raises(
                psycopg.OperationalError, match="closed the connection unexpectedly"
            ):
                await bench.connection.execute("COMMIT")
        await bench.left()
        assert await bench.value() == "new"

    effects, (fault,) = play(database, tmp_path, story)
    assert [effect.delivered for effect in effects] == [True, True, False]
    assert effects[-1].answer["tags"] == ["COMMIT"]
    assert fault.kind == "lost_answer"


def test_an_answer_lost_within_a_transaction_undoes_it(database, tmp_path):
    async def story(bench):
        await bench.connection.execute("BEGIN")
        async with bench.fault(answer=LostAnswer()):
            with pytest.raises(psycopg.OperationalError):
                await bench.connection.execute(SIMPLY)
        await bench.left()
        assert await bench.value() == "old"

    play(database, tmp_path, story)


def test_units_behind_one_whose_connection_is_cut_never_come(database, tmp_path):
    async def story(bench):
        gate = Told(requests="UPDATE")
        bench.tap.bind(bench.tap.journal, gate)
        raw = bench.connection.pgconn
        raw.enter_pipeline_mode()
        for query in (SIMPLY.encode(), b"SELECT 1", b"SELECT 2"):
            raw.send_query_params(query, None)
            raw.pipeline_sync()
        await gate.wait("request", "UPDATE item SET v = ? WHERE id = ?")
        while sum(side == "queued" for side, _ in gate.seen) < 2:
            await asyncio.sleep(0.001)
        gate.at_request = NoContact()
        gate.let_go("request", "UPDATE item SET v = ? WHERE id = ?")
        await bench.left()
        with pytest.raises(psycopg.OperationalError):
            raw.consume_input()
        assert await bench.value() == "old"
        asked, queued = (
            [label for side, label in gate.seen if side == kind] for kind in ("request", "queued")
        )
        assert len(asked) == 1
        assert [label for side, label in gate.seen if side == "lost"] == queued

    play(database, tmp_path, story)


@pytest.mark.parametrize("statement", [(SIMPLY,), PARAMS], ids=["simple", "extended"])
def test_an_error_in_a_transaction_has_it_fail_at_the_server_too(database, tmp_path, statement):
    async def story(bench):
        await bench.connection.execute("BEGIN")
        async with bench.fault(request=ErrorAnswer("40001")):
            with pytest.raises(psycopg.errors.SerializationFailure, match="concurrent update"):
                await bench.connection.execute(*statement)
        assert bench.connection.info.transaction_status is FAILED
        assert await bench.state() == "idle in transaction (aborted)"
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            await bench.connection.execute("SELECT 1")
        await bench.connection.execute("ROLLBACK")
        await bench.connection.execute(*statement)
        assert await bench.value() == "new"

    effects, (fault,) = play(database, tmp_path, story)
    refused = next(effect for effect in effects if effect.seq == fault.seq)
    assert refused.answer["error"]["sqlstate"] == "40001"
    assert refused.delivered


def test_every_error_is_told_in_its_own_words_and_leaves_the_session_as_it_was(database, tmp_path):
    async def story(bench):
        query = "UPDATE item SET v = %s WHERE v = %s"
        await bench.connection.execute(query, ("kept", "nobody"), prepare=True)
        for sqlstate, text in ERRORS.items():
            if sqlstate == "57P01":
                continue
            for statement in ((SIMPLY,), PARAMS, (query, ("new", "old"))):
                async with bench.fault(request=ErrorAnswer(sqlstate)):
                    with pytest.raises(psycopg.Error, match=text) as told:
                        await bench.connection.execute(*statement)
                assert told.value.sqlstate == sqlstate
                assert bench.connection.info.transaction_status is IDLE
        assert await bench.value() == "old"
        await bench.connection.execute(query, ("new", "old"))
        assert await bench.value() == "new"

    play(database, tmp_path, story)


@pytest.mark.parametrize("params", [None, ()], ids=["simple", "extended"])
def test_a_commit_that_is_refused_ends_its_transaction(database, tmp_path, params):
    async def story(bench):
        await bench.connection.execute("BEGIN")
        await bench.connection.execute(*PARAMS)
        async with bench.fault(request=ErrorAnswer("40001")):
            with pytest.raises(psycopg.errors.SerializationFailure):
                await bench.connection.execute("COMMIT", params, binary=params is not None)
        assert bench.connection.info.transaction_status is IDLE
        assert await bench.state() == "idle"
        assert await bench.value() == "old"
        await bench.connection.execute(SIMPLY)
        assert await bench.value() == "new"

    play(database, tmp_path, story)


@pytest.mark.parametrize("statement", [(SIMPLY,), PARAMS], ids=["simple", "extended"])
@pytest.mark.parametrize("at", ["UPDATE", "commit by itself"])
def test_a_statement_committed_apart_fails_before_its_commit_or_at_it(
    database, tmp_path, statement, at
):
    async def story(bench):
        class Once(Told):
            async def request(self, call, connection):
                return ErrorAnswer("40001") if call.label.startswith(at) else None

            def commits_apart(self, session, statements):
                return True

        bench.tap.bind(bench.tap.journal, Once())
        with pytest.raises(psycopg.errors.SerializationFailure):
            await bench.connection.execute(*statement)
        assert bench.connection.info.transaction_status is IDLE
        assert await bench.value() == "old"
        bench.tap.bind(bench.tap.journal, bench.gate)
        await bench.connection.execute(*statement)
        assert await bench.value() == "new"

    play(database, tmp_path, story, apart=True)


@pytest.mark.parametrize("state", ["idle", "in a transaction", "in a failed one"])
def test_a_session_that_is_terminated_says_so_and_is_gone(database, tmp_path, state):
    async def story(bench):
        if state != "idle":
            await bench.connection.execute("BEGIN")
        if state == "in a failed one":
            with pytest.raises(psycopg.errors.UndefinedTable):
                await bench.connection.execute("SELECT FROM nowhere")
        async with bench.fault(request=ErrorAnswer("57P01")):
            with pytest.raises(psycopg.errors.AdminShutdown):
                await bench.connection.execute(*PARAMS)
        await bench.left()
        assert await bench.value() == "old"

    effects, _ = play(database, tmp_path, story)
    assert effects[-1].answer["error"]["sqlstate"] == "57P01"


def test_a_session_that_is_terminated_after_a_commit_has_committed(database, tmp_path):
    async def story(bench):
        async with bench.fault(answer=ErrorAnswer("57P01")):
            with pytest.raises(psycopg.errors.AdminShutdown):
                await bench.connection.execute(SIMPLY)
        await bench.left()
        assert await bench.value() == "new"

    (effect,), (fault,) = play(database, tmp_path, story)
    assert (effect.answer["tags"], effect.delivered) == (["UPDATE 1"], False)
    assert fault.kind == "error_answer"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [(LostAnswer(), None), (ErrorAnswer("00000"), None), (None, NoContact())],
)
def test_a_fault_that_cannot_be_there_is_an_error_of_the_gate(database, tmp_path, request_, answer):
    async def story(bench):
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, what: told.append(what))
        async with bench.fault(request=request_, answer=answer):
            with pytest.raises(psycopg.OperationalError):
                await bench.connection.execute("SELECT 1")
        await bench.left()
        while not told:
            await asyncio.sleep(0)
        assert "where it cannot be" in str(told[0]["exception"])

    play(database, tmp_path, story)
