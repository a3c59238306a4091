"""Units held before the server and before the client, one session independent of the other."""

from __future__ import annotations

import asyncio
import gc

import psycopg
import pytest
from postgres_play import DEADLINE_S, Gatekeeper, recorded

from paidonce.harness.taps.faults import LostAnswer
from paidonce.harness.taps.postgres import Phase, PostgresTap

UPDATE = "UPDATE item SET v = ? WHERE id = ?"


class Bench:
    def __init__(self, tap, url, eyes, tmp_path):
        self.tap, self.url, self.eyes, self.tmp_path = tap, url, eyes, tmp_path

    async def connect(self, **options):
        return await psycopg.AsyncConnection.connect(self.url, autocommit=True, **options)

    async def value(self, id=1):
        cursor = await self.eyes.execute("SELECT v FROM item WHERE id = %s", (id,))
        return (await cursor.fetchone())[0]

    async def update(self, connection, value, id=1):
        await connection.execute("UPDATE item SET v = %s WHERE id = %s", (value, id))


def play(database, tmp_path, story):
    """Run ``story(bench)`` with a recording tap before ``database``; the effects it left."""

    async def main():
        async with (
            PostgresTap(database) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
        ):
            with recorded(tap, tmp_path / "h.jsonl") as effects:
                await story(Bench(tap, tap.url_for(database), eyes, tmp_path))
        return effects

    return asyncio.run(asyncio.wait_for(main(), DEADLINE_S))


def test_a_held_request_has_not_reached_the_server(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="UPDATE")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(bench.update(connection, "new"))
        unit = await gate.wait("request", UPDATE)
        (session,) = bench.tap.sessions
        assert session.in_flight is unit
        assert bench.tap.in_flight == (unit,)
        assert (unit.phase, unit.pid, unit.tap) == (
            Phase.AT_REQUEST,
            connection.info.backend_pid,
            "postgres",
        )
        assert unit.statements[0].params == ("new", "1")
        assert await bench.value() == "old"
        unit.attempt = "tab 1"
        gate.let_go("request", UPDATE)
        await pending
        assert await bench.value() == "new"
        assert bench.tap.in_flight == ()
        assert gate.seen == [("request", UPDATE), ("answer", UPDATE)]
        await connection.close()

    (effect,) = play(database, tmp_path, story)
    assert effect.attempt == "tab 1"
    assert effect.answer["tags"] == ["UPDATE 1"]


def test_a_held_answer_has_had_its_effect(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(answers="UPDATE")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(bench.update(connection, "new"))
        unit = await gate.wait("answer", UPDATE)
        assert (unit.phase, unit.status_after, unit.answer.tags) == (
            Phase.AT_ANSWER,
            "I",
            ["UPDATE 1"],
        )
        assert await bench.value() == "new"
        assert not pending.done()
        assert bench.tap.sessions[0].in_flight is unit
        gate.let_go("answer", UPDATE)
        await pending

    (effect,) = play(database, tmp_path, story)
    assert effect.delivered


def test_a_dropped_answer_is_an_effect_nobody_was_told_of(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper()
        gate.at_answer = LostAnswer()
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        with pytest.raises(psycopg.OperationalError):
            await bench.update(connection, "new")
        assert await bench.value() == "new"
        while bench.tap.sessions:
            await asyncio.sleep(0.001)

    (effect,) = play(database, tmp_path, story)
    assert not effect.delivered
    assert effect.answer["tags"] == ["UPDATE 1"]


def test_two_sessions_are_independent(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="UPDATE")
        one, two = await bench.connect(), await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(bench.update(one, "new"))
        await gate.wait("request", UPDATE)
        cursor = await two.execute("SELECT v FROM item")
        assert await cursor.fetchall() == [("old",)]
        assert [session.in_flight is None for session in bench.tap.sessions] == [False, True]
        gate.let_go("request", UPDATE)
        await pending

    effects = play(database, tmp_path, story)
    assert [effect.request["session"] for effect in effects] == [2, 1]


def test_a_unit_behind_a_lock_is_with_the_server_and_its_pid_is_known(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="COMMIT")
        one, two = await bench.connect(), await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        await one.execute("BEGIN")
        await bench.update(one, "first")
        commit = asyncio.ensure_future(one.execute("COMMIT"))
        await gate.wait("request", "COMMIT")
        blocked = asyncio.ensure_future(bench.update(two, "second"))
        first, second = bench.tap.sessions
        blockers: list[int] = []
        while not blockers:
            cursor = await bench.eyes.execute("SELECT pg_blocking_pids(%s)", (second.pid,))
            (blockers,) = await cursor.fetchone()
        assert blockers == [first.pid]
        assert second.in_flight.phase is Phase.SENT
        assert (first.status, second.status) == ("T", "I")
        gate.let_go("request", "COMMIT")
        await asyncio.gather(commit, blocked)
        assert await bench.value() == "second"

    labels = [effect.label for effect in play(database, tmp_path, story)]
    assert labels[:2] == ["BEGIN", UPDATE]
    # Both are let go by the server at once: which answer comes first on two connections is open.
    assert sorted(labels[2:]) == sorted(["COMMIT", UPDATE])


def test_pipelined_units_wait_for_the_one_before(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="UPDATE", answers="UPDATE")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)

        async def both():
            async with connection.pipeline() as pipeline:
                await bench.update(connection, "one")
                await pipeline.sync()

        pending = asyncio.ensure_future(both())
        unit = await gate.wait("request", UPDATE)
        await asyncio.sleep(0.05)
        assert gate.seen == [("request", UPDATE)]
        assert bench.tap.sessions[0].units[0] is unit
        gate.let_go("request", UPDATE)
        await gate.wait("answer", UPDATE)
        assert await bench.value() == "one"
        assert [side for side, label in gate.seen] == ["request", "answer"]
        gate.let_go("answer", UPDATE)
        await pending
        assert gate.seen[2:] == [("request", "sync"), ("answer", "sync")]

    play(database, tmp_path, story)


def test_notifications_pass_while_an_answer_is_held(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(answers="UPDATE")
        connection = await bench.connect()
        await connection.execute("LISTEN paid")
        bench.tap.bind(bench.tap.journal, gate)
        raw = connection.pgconn
        raw.send_query(b"UPDATE item SET v = 'new' WHERE id = 1")
        await gate.wait("answer", UPDATE)
        await bench.eyes.execute("NOTIFY paid")
        while (heard := raw.notifies()) is None:
            raw.consume_input()
            await asyncio.sleep(0.001)
        assert heard.relname == b"paid"
        assert raw.is_busy(), "the answer is still held"
        gate.let_go("answer", UPDATE)
        while raw.is_busy():
            raw.consume_input()
            await asyncio.sleep(0.001)
        assert raw.get_result().command_status == b"UPDATE 1"

    play(database, tmp_path, story)


def test_copy_data_gets_through_a_held_copy(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="COPY", answers="COPY")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)

        async def copy():
            async with connection.cursor().copy("COPY item FROM STDIN") as writer:
                await writer.write_row((2, "copied"))

        pending = asyncio.ensure_future(copy())
        await gate.wait("request", "COPY item FROM STDIN")
        gate.let_go("request", "COPY item FROM STDIN")
        await gate.wait("answer", "COPY item FROM STDIN")
        assert await bench.value(2) == "copied"
        assert not pending.done()
        gate.let_go("answer", "COPY item FROM STDIN")
        await pending

    (effect,) = play(database, tmp_path, story)
    assert effect.answer["tags"] == ["COPY 1"]


def test_an_error_is_an_answer_like_any_other(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(answers="INSERT")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(connection.execute("INSERT INTO item VALUES (1, 'x')"))
        unit = await gate.wait("answer", "INSERT INTO item VALUES (?, ?)")
        assert unit.answer.error.sqlstate == "23505"
        assert not pending.done()
        gate.let_go("answer", "INSERT INTO item VALUES (?, ?)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            await pending

    play(database, tmp_path, story)


def test_a_request_whose_client_hung_up_is_carried_out_all_the_same(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="UPDATE")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(bench.update(connection, "new"))
        await gate.wait("request", UPDATE)
        connection.pgconn.finish()
        await asyncio.gather(pending, return_exceptions=True)
        gate.let_go("request", UPDATE)
        while bench.tap.sessions:
            await asyncio.sleep(0.001)
        assert await bench.value() == "new"

    (effect,) = play(database, tmp_path, story)
    assert not effect.delivered
    assert effect.answer["tags"] == ["UPDATE 1"]


def test_a_server_process_that_dies_under_a_unit_loses_its_answer(database, tmp_path):
    async def story(bench):
        gate = Gatekeeper(requests="UPDATE", answers="SELECT pg_sleep")
        connection = await bench.connect()
        bench.tap.bind(bench.tap.journal, gate)
        pending = asyncio.ensure_future(connection.execute("SELECT pg_sleep(30)"))
        while bench.tap.in_flight == () or bench.tap.in_flight[0].phase is not Phase.SENT:
            await asyncio.sleep(0.001)
        pid = bench.tap.sessions[0].pid
        await bench.eyes.execute("SELECT pg_terminate_backend(%s)", (pid,))
        unit = await gate.wait("answer", "SELECT pg_sleep(?)")
        assert unit.answer.lost
        assert unit.answer.error.sqlstate == "57P01"
        assert not pending.done()
        gate.let_go("answer", "SELECT pg_sleep(?)")
        with pytest.raises(psycopg.errors.AdminShutdown):
            await pending

    (effect,) = play(database, tmp_path, story)
    assert effect.answer["error"]["sqlstate"] == "57P01"
    assert not effect.delivered


def test_a_gate_bound_in_the_middle_of_a_transaction_holds_from_the_next_unit(database, tmp_path):
    async def story(bench):
        bench.tap.bind(None, None)
        connection = await bench.connect()
        await connection.execute("BEGIN")
        await bench.update(connection, "one")
        gate = Gatekeeper(requests="COMMIT")
        bench.tap.bind(None, gate)
        pending = asyncio.ensure_future(connection.execute("COMMIT"))
        unit = await gate.wait("request", "COMMIT")
        assert unit.status == "T"
        assert await bench.value() == "old"
        bench.tap.bind(None, None)
        gate.let_go("request", "COMMIT")
        await pending
        await bench.update(connection, "unheld")
        assert gate.seen == [("request", "COMMIT"), ("answer", "COMMIT")]

    play(database, tmp_path, story)


def test_every_change_is_told(database, tmp_path):
    async def story(bench):
        told = []
        bench.tap.on_change = lambda: told.append(tuple(unit.phase for unit in bench.tap.in_flight))
        bench.tap.bind(None, Gatekeeper())
        connection = await bench.connect()
        assert told, "a session opened"
        await bench.update(connection, "new")
        phases = [phase for units in told for phase in units]
        order = [Phase.QUEUED, Phase.AT_REQUEST, Phase.SENT, Phase.AT_ANSWER]
        assert sorted(set(phases), key=phases.index) == order
        before = len(told)
        await connection.close()
        while bench.tap.sessions:
            await asyncio.sleep(0.001)
        assert len(told) > before

    play(database, tmp_path, story)


def test_a_gate_that_fails_ends_the_connection_and_not_the_tap_and_is_told(database, tmp_path):
    failure = RuntimeError("by the test")

    class Broken(Gatekeeper):
        async def request(self, call, connection):
            raise failure

    async def story(bench):
        unretrieved, told = [], []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: unretrieved.append(said))
        bench.tap.on_failure = told.append
        connection = await bench.connect()
        bench.tap.bind(None, Broken())
        with pytest.raises(psycopg.OperationalError):
            await bench.update(connection, "new")
        bench.tap.bind(None, None)
        again = await bench.connect()
        await bench.update(again, "through")
        assert await bench.value() == "through"
        gc.collect()
        assert (told, unretrieved) == ([failure], [])

    play(database, tmp_path, story)
