"""What can be fetched, and is sent, while load runs."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from load_runs import LoadOn, until

from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.history import (
    Action,
    Completed,
    Header,
    Invoked,
    Journal,
    Outcome,
    read_history,
)
from paidonce.harness.load.observe.following import Follower
from paidonce.harness.load.observe.telemetry import Telemetry
from paidonce.harness.load.run import LoadCancelled

pytest.importorskip("prometheus_client", reason="needs pip install 'paidonce[telemetry]'")
pytest.importorskip("opentelemetry.sdk", reason="needs pip install 'paidonce[telemetry]'")

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from prometheus_client.parser import text_string_to_metric_families

WAIT_S = 90.0
MS = 1_000_000


def scraped(telemetry: Telemetry, **labels: str) -> dict[str, float]:
    """The figures as Prometheus reads them, summed over what ``labels`` leave open."""
    assert telemetry.address is not None
    text = httpx.get(telemetry.address, timeout=WAIT_S).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            bucket = sample.labels.get("le")
            if bucket in (None, "+Inf") and labels.items() <= sample.labels.items():
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def test_a_run_is_fetched_while_it_runs(load_on: LoadOn, tmp_path: Path) -> None:
    called_off = threading.Event()

    def run() -> None:
        with pytest.raises(LoadCancelled), telemetry.following(tmp_path, "sound", "hot"):
            load_on("sound", "hot", users=4, seconds=600, warmup=0, cancel=called_off)

    with Telemetry(port=0) as telemetry:
        running = threading.Thread(target=run)
        running.start()
        try:
            until(
                "an operation among the metrics",
                lambda: scraped(telemetry, guard="sound").get("paidonce_operations_total", 0) > 0,
            )
            assert running.is_alive(), "the load was to be under way when it was looked at"
        finally:
            called_off.set()
            running.join()
        at_the_end = scraped(telemetry, guard="sound", profile="hot")
        paid = scraped(telemetry, action="pay", outcome="ok")
    (history,) = (read_history(path) for path in tmp_path.glob("*.parts/*.jsonl"))
    ended = [operation for operation in history.operations if operation.completed is not None]
    assert at_the_end["paidonce_operations_total"] == len(ended)
    assert at_the_end["paidonce_operation_duration_seconds_count"] == len(ended)
    assert at_the_end["paidonce_operations_in_flight"] == 0
    assert paid["paidonce_operations_total"] == sum(
        operation.invoked.action is Action.PAY and operation.outcome is Outcome.OK
        for operation in ended
    )


def write(journal: Journal, op: int, *, ended: bool, late: int = 0) -> None:
    invoked = Invoked(t=op * MS, op=op, attempt="a", action=Action.PAY, order="o", late=late)
    journal.record(invoked)
    if ended:
        journal.record(Completed(t=(op + 20) * MS, op=op, outcome=Outcome.OK))


def journal(folder: Path, name: str) -> Journal:
    return Journal(
        folder / f"{name}.parts" / "locust.jsonl", Header(run="r", scenario="s", target="t")
    )


def test_every_operation_is_told_of_once_and_a_torn_line_waits(tmp_path: Path) -> None:
    with journal(tmp_path, "before") as old:
        write(old, 1, ended=True)
    told: list[tuple[int, bool]] = []
    follower = Follower(tmp_path, lambda begun, ended: told.append((begun.op, ended is not None)))
    with follower:
        new = journal(tmp_path, "now")
        write(new, 7, ended=True)
        write(new, 8, ended=False)
        until("what was recorded", lambda: len(told) == 3)
        with new.path.open("ab") as file:
            file.write(b'{"type":"complete","t":9,"op":8,"out')
    assert told == [(7, False), (7, True), (8, False)]
    assert [begun.op for begun in follower.left] == [8]


class _Collector(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent over OTLP."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[http.server.ThreadingHTTPServer]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Collector) as server:
        server.received = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_collector_is_sent_the_same(
    collector: http.server.ThreadingHTTPServer, tmp_path: Path
) -> None:
    address = f"http://127.0.0.1:{collector.server_port}"
    with (
        Telemetry(otlp=address) as telemetry,
        telemetry.following(tmp_path, "claim", "many"),
        journal(tmp_path, "now") as new,
    ):
        write(new, 1, ended=True, late=30 * MS)
    path, body = collector.received[-1]  # type: ignore[attr-defined]
    assert path == "/v1/metrics"
    sent = metrics_service_pb2.ExportMetricsServiceRequest.FromString(body)
    metrics = {
        metric.name: metric
        for resource in sent.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    (point,) = metrics["paidonce.operation.duration"].histogram.data_points
    assert point.count == 1
    assert point.sum == pytest.approx(0.05), "20 ms of waiting, 30 ms late"
    labels = {label.key: label.value.string_value for label in point.attributes}
    assert labels == {"guard": "claim", "profile": "many", "action": "pay", "outcome": "ok"}


def test_what_cannot_be_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--metrics-port {port}: cannot be listened on"):
            Telemetry(port=port)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"nobody listens at {address}"):
            Telemetry(otlp=address)
    with pytest.raises(UsageError, match="--otlp: figures are sent to this machine only"):
        Telemetry(otlp="http://metrics.example.com:4318")
