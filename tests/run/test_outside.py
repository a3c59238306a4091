"""What happens to a service from outside: a crash while a call is held, time that passes."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import psutil
import psycopg
import pytest
import redis.asyncio as aioredis

from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.backends.shared import database_name, open_shared_postgres
from paidonce.harness.backends.stripe_simulator import SimulatedStripe
from paidonce.harness.errors import UsageError
from paidonce.harness.history import Fault, Header, Journal, read_history
from paidonce.harness.process.child import Child
from paidonce.harness.process.threads import go_on
from paidonce.harness.service.launch import port_taken
from paidonce.harness.service.running import Service, start_process
from paidonce.harness.taps.faults import Crash, NoContact, TimePasses
from paidonce.harness.taps.postgres import PostgresTap
from paidonce.harness.testbed.outside import Outside
from paidonce.harness.testbed.stripe_reset import Emptying

DEADLINE_S = 60
SERVICE = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
import psycopg

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/pay":
            with psycopg.connect(sys.argv[2]) as connection:
                connection.execute("UPDATE item SET v = 'paid'")
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def database():
    with open_shared_postgres() as server:
        name = database_name("outside")
        url = server.create_database(name)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE item (v text)")
        yield url
        server.drop_database(name)


def serve(url):
    """A service of one process that talks to Postgres at ``url``."""

    def ready(child, port, called_off):
        def probe():
            try:
                return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
            except httpx.HTTPError:
                return None

        child.wait_for("answer", probe, DEADLINE_S)

    process = start_process(
        "web",
        lambda port: Child("web", [sys.executable, "-c", SERVICE, str(port), url]),
        ready,
        port_taken,
    )
    return Service(f"http://127.0.0.1:{process.port}", (process,))


class Crashing:
    """Kills the service while its COMMIT is held, before it goes on or after its effect."""

    def __init__(self, outside, journal, side):
        self.outside, self.journal, self.side = outside, journal, side
        self.crashed = asyncio.Event()

    async def request(self, call, connection):
        return await self._at("request", call) and NoContact()

    async def answer(self, call, connection):
        await self._at("answer", call)

    async def _at(self, side, call):
        if side != self.side or call.label != "COMMIT":
            return None
        await self.outside.happen(Crash("web"), self.journal)
        self.crashed.set()
        return True


@pytest.mark.parametrize(("side", "left"), [("request", "unpaid"), ("answer", "paid")])
def test_a_crash_before_a_commit_undoes_it_and_one_after_it_does_not(
    database, tmp_path, side, left
):
    async def main():
        async with (
            PostgresTap(database) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
            httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client,
        ):
            await eyes.execute("TRUNCATE item")
            await eyes.execute("INSERT INTO item VALUES ('unpaid')")
            service = await asyncio.to_thread(serve, tap.url_for(database))
            try:
                outside = Outside(SimpleNamespace(running=service))
                assert outside.faults == (Crash("web"),)
                header = Header(run="r", scenario="s", target="t")
                with Journal(tmp_path / "h.jsonl", header) as journal:
                    gate = Crashing(outside, journal, side)
                    tap.bind(journal, gate)
                    (killed,) = service.pids
                    with pytest.raises(httpx.TransportError):
                        await client.get(f"{service.url}/pay")
                    await gate.crashed.wait()
                    while tap.sessions or tap.in_flight:
                        await asyncio.sleep(0.001)
                    tap.bind(None, None)
                assert service.pids != (killed,)
                statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
                while await one(eyes, statement, eyes.info.dbname) > 1:
                    await asyncio.sleep(0.001)
                assert await one(eyes, "SELECT v FROM item") == left
                assert (await client.get(f"{service.url}/pay")).status_code == 200
                assert await one(eyes, "SELECT v FROM item") == "paid"
            finally:
                await asyncio.to_thread(service.stop)

    asyncio.run(asyncio.wait_for(main(), DEADLINE_S))
    crash, *rest = (event for _, event in read_history(tmp_path / "h.jsonl").of(Fault))
    assert (crash.tap, crash.kind, crash.detail) == ("service", "crash", "crash of web")
    assert [fault.kind for fault in rest] == (["no_contact"] if side == "request" else [])


KILLS = 200


@pytest.mark.slow
def test_two_hundred_kills_in_a_row_leave_nothing_behind(database, tmp_path):
    """Each of them comes while a COMMIT is held, on either side of it in turns."""

    def held():
        children = psutil.Process().children(recursive=True)
        return len(children), len(list(Path("/proc/self/fd").iterdir()))

    async def killed(tap, service, client, gate):
        tap.bind(None, gate)
        with pytest.raises(httpx.TransportError):
            await client.get(f"{service.url}/pay")
        await gate.crashed.wait()
        while tap.sessions or tap.in_flight:
            await asyncio.sleep(0.001)
        tap.bind(None, None)

    async def main():
        async with (
            PostgresTap(database) as tap,
            await psycopg.AsyncConnection.connect(database, autocommit=True) as eyes,
        ):
            service = await asyncio.to_thread(serve, tap.url_for(database))
            outside = Outside(SimpleNamespace(running=service))
            before, pids = None, set()
            try:
                for number in range(KILLS + 1):
                    side = ("request", "answer")[number % 2]
                    pids.add(*service.pids)
                    async with httpx.AsyncClient(trust_env=False, timeout=DEADLINE_S) as client:
                        await killed(tap, service, client, Crashing(outside, None, side))
                    if before is None:  # threads and the like are there from the first one on
                        before = held()
                statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
                while await one(eyes, statement, eyes.info.dbname) > 1:
                    await asyncio.sleep(0.001)
                assert held() == before
                assert len(pids) == KILLS + 1
                assert not any(psutil.pid_exists(pid) for pid in pids - set(service.pids))
            finally:
                await asyncio.to_thread(service.stop)

    asyncio.run(asyncio.wait_for(main(), 20 * DEADLINE_S))


async def one(connection, statement, *parameters):
    return (await (await connection.execute(statement, parameters)).fetchone())[0]


def test_what_is_not_ours_is_not_killed():
    found = Outside(SimpleNamespace(running=Service("http://127.0.0.1:1", found=(1,))))
    assert found.faults == ()
    with pytest.raises(UsageError, match="there are: none that paidonce started"):
        asyncio.run(found.happen(Crash("web")))
    child = Child("web", ["sleep", "60"])
    try:
        process = start_process("web", lambda port: child, lambda *_: None, port_taken)
        process.elsewhere = (1,)
        elsewhere = Outside(SimpleNamespace(running=Service("", (process,))))
        assert elsewhere.faults == ()
        with pytest.raises(UsageError, match=r"another program runs it for us \(pid 1\)"):
            asyncio.run(elsewhere.happen(Crash()))
        assert child.running
    finally:
        child.stop()


def test_nobody_waits_for_a_process_once_what_killed_it_is_called_off():
    """It goes on starting, and who needs it next waits for it: a budget that is over, or a Ctrl-C,
    is no reason to wait for a service that takes long."""
    starting, held = asyncio.Event(), threading.Event()

    def begin(port):
        return Child("web", ["sleep", "60"])

    def ready(child, port, called_off):
        loop.call_soon_threadsafe(starting.set)
        deadline = time.monotonic() + DEADLINE_S
        while held.is_set() and time.monotonic() < deadline:
            go_on(called_off, "the service")
            called_off.wait(0.01)
        assert not held.is_set(), "nobody called it off"

    async def main():
        nonlocal loop
        loop = asyncio.get_running_loop()
        process = start_process("web", begin, ready, port_taken)
        service, first = Service("", (process,)), process.child
        try:
            held.set()
            starting.clear()
            outside = Outside(SimpleNamespace(running=service))
            killing = asyncio.ensure_future(outside.happen(Crash()))
            await starting.wait()
            killing.cancel()
            await asyncio.wait([killing], timeout=DEADLINE_S / 2)
            assert killing.cancelled()
            assert not first.running
            assert process.child.running
            assert not service.up
            second = process.child
            held.clear()
            service.come_back()
            assert service.up
            assert process.child is second
        finally:
            service.stop()
        assert not second.running

    loop = None
    asyncio.run(main())


@pytest.mark.parametrize("owned", [True, False])
def test_time_passes_for_what_expires_in_redis(owned):
    async def main(server):
        async with (
            aioredis.Redis.from_url(server.url()) as ours,
            aioredis.Redis.from_url(server.url(1)) as other,
        ):
            await ours.config_set("notify-keyspace-events", "Ex")
            heard = ours.pubsub()
            await heard.subscribe("__keyevent@0__:expired")
            await ours.set("lock", 1, ex=30)
            await ours.set("session", 1, ex=3600)
            await ours.set("stays", 1)
            await other.set("lock", 1, ex=30)
            bench = SimpleNamespace(redis=ours, owns_redis=owned, advance=None)
            await Outside(bench).happen(TimePasses(31))
            assert [await ours.exists(key) for key in ("lock", "session", "stays")] == [0, 1, 1]
            assert 3500 < await ours.ttl("session") <= 3600 - 31
            assert await other.exists("lock") == (0 if owned else 1)
            told = await heard.get_message(ignore_subscribe_messages=False, timeout=5)
            told = await heard.get_message(timeout=5) if told["type"] == "subscribe" else told
            assert told["data"] == b"lock"
            await heard.aclose()

    server = EmbeddedRedis()
    try:
        asyncio.run(asyncio.wait_for(main(server), DEADLINE_S))
    finally:
        server.stop()


def test_time_passes_at_stripe_until_it_begins_anew():
    async def main(stripe):
        def ahead():
            headers = {"Paidonce-Control": "1"}
            health = httpx.get(f"{stripe.url}/_control/health", headers=headers, trust_env=False)
            return health.json()["clock"] - time.time()

        emptying = Emptying(stripe)
        outside = Outside(SimpleNamespace(redis=None, advance=emptying.advance))
        for _ in range(2):
            await outside.happen(TimePasses(86_400))
        await outside.happen(TimePasses(3_600, at_stripe=False))
        assert abs(ahead() - 2 * 86_400) < 60
        await emptying()
        assert abs(ahead()) < 60
        await outside.happen(TimePasses(86_400))
        await emptying.close()
        assert abs(ahead()) < 60

    with SimulatedStripe() as stripe:
        asyncio.run(asyncio.wait_for(main(stripe), DEADLINE_S))


def test_where_nothing_has_a_clock_no_time_passes():
    outside = Outside(SimpleNamespace(redis=None, advance=None))
    with pytest.raises(UsageError, match="neither Redis nor this Stripe has a clock"):
        asyncio.run(outside.happen(TimePasses(1)))
