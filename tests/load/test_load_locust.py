"""Locust by itself, with our locustfile: its options, its page, and what it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest
from load_runs import DEADLINE_S, Api, until

from paidonce.harness.history import read_history
from paidonce.harness.load.generate.job import LOCUSTFILE
from paidonce.harness.load.generate.targets import write_target
from paidonce.harness.process.child import Child
from paidonce.harness.process.modules import command
from paidonce.harness.process.ports import HeldPort
from paidonce.harness.service.description import Target


def locust(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv, environment = command("locust", f"--locustfile={LOCUSTFILE}", *arguments)
    return subprocess.run(
        argv,
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_the_runner_stays_free_of_gevent() -> None:
    code = (
        "import paidonce.harness.load.run, sys; "
        "sys.exit(any(name in sys.modules for name in ('gevent', 'locust')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_locust_lists_its_users(tmp_path: Path) -> None:
    listed = locust("--list", cwd=tmp_path)
    assert listed.returncode == 0
    assert {"HotOrder", "ManyOrders", "Payer", "Shopper"} == set(listed.stdout.split()[2:])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--host=http://example.com"], r"--host: load is sent to this machine only"),
        ([], r"--host: expected an address"),
        (["--host=http://127.0.0.1:1", "--max-orders=none"], r"--max-orders: expected a whole"),
        (["--host=http://127.0.0.1:1", "--target-file=gone.json"], r"gone\.json cannot be read"),
        (["--host=http://127.0.0.1:1", "--run-time=2s"], r"--run-time 2 leaves less than"),
    ],
)
def test_locust_refuses_a_wrong_option_in_one_line(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    refused = locust("--headless", *arguments, "HotOrder", cwd=tmp_path)
    assert refused.returncode == 2
    lines = [line for line in refused.stderr.splitlines() if line.startswith("paidonce load: ")]
    assert len(lines) == 1, refused.stderr
    assert re.search(says, lines[0])
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_misdescribed_target_ends_the_run_as_a_defect(
    order_api: Api, target: Target, tmp_path: Path
) -> None:

    answers = msgspec.structs.replace(target.answers, order_id="number")
    write_target(msgspec.structs.replace(target, answers=answers), tmp_path / "target.json")
    ended = locust(
        "--headless",
        f"--host={order_api('sound')}",
        "--target-file=target.json",
        "--warmup=0",
        "--measure=1200",  # it must not take this long
        "--users=2",
        "ManyOrders",
        cwd=tmp_path,
    )
    assert ended.returncode == 4
    assert ended.stderr.count("paidonce load: ") == 1
    assert "no order id at 'number'" in ended.stderr


def test_the_web_page_listens_to_this_machine_only_and_starts_runs(
    order_api: Api, target: Target, tmp_path: Path
) -> None:
    write_target(target, tmp_path / "target.json")
    with HeldPort() as port:
        port.before_start()
        argv, environment = command(
            "locust",
            f"--locustfile={LOCUSTFILE}",
            f"--web-port={port.number}",
            "--target-file=target.json",
            "--paidonce-history=histories",
            "--warmup=0",
        )
        with Child("Locust", argv, env=environment, cwd=tmp_path) as child:
            page = f"http://127.0.0.1:{port.number}"

            def up() -> bool | None:
                try:
                    return httpx.get(page).status_code == 200 or None
                except httpx.TransportError:
                    return None

            child.wait_for("show its page", up, DEADLINE_S)
            listening = {
                connection.laddr.ip
                for connection in psutil.Process(child.pid).net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
            assert listening == {"127.0.0.1"}
            form = {"user_count": "2", "spawn_rate": "2", "run_time": "2s"}
            form["paidonce_history"] = "elsewhere"  # not for a page to say
            httpx.post(
                f"{page}/swarm", data={**form, "host": "http://example.com"}, timeout=DEADLINE_S
            )
            until("the refusal", lambda: "this machine only" in child.output)
            assert not (tmp_path / "histories").exists()
            httpx.post(
                f"{page}/swarm", data={**form, "host": order_api("sound")}, timeout=DEADLINE_S
            )
            until("a whole history", lambda: _whole(tmp_path / "histories"))
    assert not (tmp_path / "elsewhere").exists()


def _whole(folder: Path) -> bool:
    # A file that was only just made has no line yet.
    begun = [path for path in folder.glob("*.jsonl") if b"\n" in path.read_bytes()]
    return any(read_history(path).complete for path in begun)
