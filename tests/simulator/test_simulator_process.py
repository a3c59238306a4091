"""Starting, stopping and misusing the process."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from simulator_process import COMMAND, DEADLINE_S, ROOT, ready_line, running

from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.cli import parse
from paidonce.harness.simulator.engine.idempotency import WhenBusy
from paidonce.harness.simulator.http.server import listen
from paidonce.harness.simulator.wire.latency import split


def start(*flags: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *flags],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def refused(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_though_clients_are_connected(number: signal.Signals) -> None:
    process = start()
    try:
        ready = ready_line(process)
        assert ready["ready"] is True
        assert (ready["host"], ready["pid"]) == ("127.0.0.1", process.pid)
        url = f"http://127.0.0.1:{ready['port']}"
        with httpx.Client(base_url=url, timeout=DEADLINE_S) as client:
            assert client.get("/v1/charges").status_code == 401
            process.send_signal(number)
            out, err = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, out, err) == (0, "", "")
        assert refused(ready["port"])
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("part", "status"), [("before", 503), ("after", 200)])
def test_stopping_ends_the_requests_under_way_with_the_truth(part: str, status: int) -> None:
    process = start()
    try:
        port = ready_line(process)["port"]
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(
            base_url=url, headers={"Paidonce-Control": "1"}, timeout=DEADLINE_S
        ) as control:
            latency = {part: {"kind": "fixed", "ms": 600_000}}
            assert control.post("/_control/latency", json=latency).status_code == 200
            with ThreadPoolExecutor(1) as pool:
                under_way = pool.submit(
                    httpx.post,
                    f"{url}/v1/payment_intents",
                    data={"amount": "1000", "currency": "usd"},
                    headers={"Authorization": "Bearer sk_test_1"},
                    timeout=DEADLINE_S,
                )
                deadline = time.monotonic() + DEADLINE_S
                while control.get("/_control/health").json()["in_flight"] == 0:
                    assert time.monotonic() < deadline, "the request did not arrive"
                process.terminate()
                assert under_way.result().status_code == status
            out, err = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, out, err) == (0, "", "")
    finally:
        process.kill()
        process.communicate()


def test_the_end_of_its_standard_input_ends_it_if_asked() -> None:
    process = start("--stop-on-stdin-eof", stdin=subprocess.PIPE)
    try:
        port = ready_line(process)["port"]
        assert process.stdin is not None
        process.stdin.write("whatever is written is ignored\n")
        process.stdin.flush()
        assert not refused(port)
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 0
        assert refused(port)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_a_port_in_use_is_one_line_and_exit_code_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start("--port", str(port))
        out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (2, "")
    assert err == (
        f"python -m paidonce.harness.simulator: --port {port}: 127.0.0.1:{port} is already in use; "
        "choose another port, or 0 for any free one\n"
    )


def test_a_bad_flag_is_one_line_and_exit_code_2() -> None:
    process = start("--port", "many")
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, out) == (2, "")
    assert err == (
        "python -m paidonce.harness.simulator: --port many: "
        "expected a whole number from 0 to 65535\n"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--port", "65536"], "--port 65536"),
        (["--port", "-1"], "--port"),
        (["--latency-ms", "-1"], "--latency-ms -1"),
        (["--latency-ms", "nan"], "--latency-ms nan"),
        (["--latency-ms", "soon"], "--latency-ms soon"),
        (["--seed", "x"], "--seed x"),
        (["--webhook-secret", "secret"], "--webhook-secret: expected whsec_"),
        (["--webhook-secret", "whsec_"], "--webhook-secret: expected whsec_"),
        (["--idempotency-concurrency", "maybe"], "invalid choice: 'maybe'"),
        (["--colour"], "--colour"),
        (["--stop"], "--stop"),
        (["extra"], "extra"),
    ],
)
def test_each_bad_flag_is_named(flags: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(flags)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_flags_become_settings() -> None:
    numbers = ["--port", "8080", "--seed", "4", "--latency-ms", "10"]
    words = ["--webhook-secret", "whsec_x", "--idempotency-concurrency", "serialize"]
    settings = parse([*numbers, *words, "--stop-on-stdin-eof"])
    assert (settings.port, settings.seed, settings.latency) == (8080, 4, split(10))
    assert (settings.webhook_secret, settings.when_busy) == ("whsec_x", WhenBusy.SERIALIZE)
    assert settings.stop_on_stdin_eof is True


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", ""])
def test_only_this_machine_is_listened_on(host: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        listen(host, 0)


def test_two_seeded_processes_give_the_same_ids() -> None:
    made = []
    for _ in range(2):
        with running("--seed", "11") as simulator:
            data = {"amount": "1000", "currency": "usd"}
            made.append(simulator.post("/v1/payment_intents", data).json()["id"])
    assert made[0] == made[1]


def test_the_simulator_knows_nothing_of_stripes_library() -> None:
    """It stands for Stripe, so it must not get its facts from a client of Stripe."""
    sources = (ROOT / "harness" / "simulator").rglob("*.py")
    text = "\n".join(Path(source).read_text() for source in sources)
    assert "import stripe" not in text
    assert "from stripe" not in text
