"""Figures of a load run while it runs, for Prometheus to fetch or for OpenTelemetry to be sent.

Told by ``following``, counted and published by OpenTelemetry's own library (extra "telemetry").

==================================== =========== ==================================
metric (as Prometheus names it)      kind        labels
==================================== =========== ==================================
paidonce_operations_total            counter     guard, profile, action, outcome
paidonce_operation_duration_seconds  histogram   guard, profile, action, outcome
paidonce_operations_in_flight        gauge       guard, profile
==================================== =========== ==================================

They count every operation of the run, that of the warm-up too; the report counts what ended in
the measured window.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from paidonce import harness
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.history import Completed, Invoked
from paidonce.harness.load.observe.following import Follower
from paidonce.harness.load.plan.address import loopback_url

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the latency histogram's buckets, in seconds."""
PUSH_EVERY_S = 2.0
"""How often OpenTelemetry is sent the figures."""


class Telemetry:
    """Publishes on ``http://127.0.0.1:port/metrics`` (0: a free port; None: not), and to ``otlp``.

    ``otlp`` is the address of a collector on this machine that speaks OTLP over HTTP, such as
    ``http://127.0.0.1:4318``. Use as a context manager; ``address`` is where Prometheus looks.
    Raises ``UsageError`` when the port is taken or the address is not of this machine, and
    ``Unavailable`` when the libraries are missing.
    """

    def __init__(self, port: int | None = None, otlp: str | None = None) -> None:
        self.address: str | None = None
        collector = None if otlp is None else loopback_url(otlp, "--otlp", "figures are sent")
        try:
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise _missing(error) from error
        self._exits = ExitStack()
        with self._exits:  # whatever fails here takes down what was begun
            readers = []
            if port is not None:
                readers.append(self._served(port))
            if collector is not None:
                readers.append(_sent(collector))
            resource = Resource.create(
                {"service.name": "paidonce", "service.version": harness.__version__}
            )
            provider = MeterProvider(readers, resource, shutdown_on_exit=False)
            self._exits.callback(provider.shutdown)
            meter = provider.get_meter("paidonce", harness.__version__)
            self._operations = meter.create_counter(
                "paidonce.operations", description="Operations that ended."
            )
            self._durations = meter.create_histogram(
                "paidonce.operation.duration",
                unit="s",
                description="From when an operation was to begin until its answer.",
                explicit_bucket_boundaries_advisory=BOUNDS_S,
            )
            self._in_flight = meter.create_up_down_counter(
                "paidonce.operations.in_flight", description="Operations under way."
            )
            self._exits = self._exits.pop_all()

    def _served(self, port: int) -> MetricReader:
        try:
            from opentelemetry.exporter.prometheus import PrometheusMetricReader
            from prometheus_client import CollectorRegistry, start_http_server
        except ImportError as error:
            raise _missing(error) from error
        registry = CollectorRegistry()
        try:
            server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            raise UsageError(
                f"--metrics-port {port}: cannot be listened on ({error.strerror}); choose another, "
                "or 0 for a free one"
            ) from error

        def close() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        self._exits.callback(close)
        self.address = f"http://127.0.0.1:{server.server_port}/metrics"
        return PrometheusMetricReader(scope_info_enabled=False, registry=registry)

    @contextmanager
    def following(self, folder: Path, guard: str, profile: str) -> Iterator[None]:
        """Publish the load run that records in ``folder`` while the context is open."""
        labels = {"guard": guard, "profile": profile}

        def tell(begun: Invoked, ended: Completed | None) -> None:
            if ended is None:
                self._in_flight.add(1, labels)
                return
            self._in_flight.add(-1, labels)
            how = {**labels, "action": begun.action.value, "outcome": ended.outcome.value}
            self._operations.add(1, how)
            self._durations.record((ended.t - begun.t + begun.late) / 1e9, how)

        follower = Follower(folder, tell)
        try:
            with follower:
                yield
        finally:
            # Whoever began and has no end is no longer waiting.
            self._in_flight.add(-len(follower.left), labels)

    def close(self) -> None:
        """Send what was not sent yet, and stop listening."""
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sent(collector: str) -> MetricReader:
    parts = urlsplit(collector)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=5).close()
    except OSError as error:
        raise Unavailable(
            "OpenTelemetry collector",
            f"nobody listens at {collector} ({error.strerror or error})",
            "Start one there, with its OTLP receiver for HTTP (port 4318 by convention)",
        ) from error
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    except ImportError as error:
        raise _missing(error) from error
    exporter = OTLPMetricExporter(endpoint=f"{collector}/v1/metrics", timeout=2)
    return PeriodicExportingMetricReader(exporter, export_interval_millis=PUSH_EVERY_S * 1000)


def _missing(error: ImportError) -> Unavailable:
    return Unavailable(
        "telemetry",
        f"OpenTelemetry's libraries are not installed ({error})",
        "Install them with: pip install 'paidonce[telemetry]'",
    )
