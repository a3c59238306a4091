"""A service under test is given a port, and another one where that is taken."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from paidonce.harness.process.child import ChildFailed
from paidonce.harness.process.custody import custody
from paidonce.harness.process.listening import PORT_TRIES
from paidonce.harness.results.proof import Variant
from paidonce.harness.service import launch as service
from paidonce.harness.service.description import Route, Target
from paidonce.harness.service.launch import Addresses, Start

NOWHERE = Addresses(
    postgres_url="postgresql:///none",
    redis_url="redis://127.0.0.1/0",
    stripe_url="http://127.0.0.1:1",
    stripe_key="sk_test_none",
    webhook_secret="whsec_none",
)
SERVES = """
import http.server, socketserver, sys
address = sys.argv[1], int(sys.argv[2])
socketserver.TCPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def target(*command: str) -> Target:
    return Target(
        name="a service",
        command=command,
        environment={},
        create_order=Route(method="POST", path="/orders"),
        read_order=Route(method="GET", path="/orders/{order}"),
        routes={},
        webhook_path="/none",
        ready_path="/",
        variants=(Variant(name="any", title="Any", sound=True),),
    )


def test_a_service_that_finds_its_port_taken_gets_another(stolen: list[int]) -> None:
    running = service.start(
        target(sys.executable, "-c", SERVES, "{host}", "{port}"), Start("any", NOWHERE)
    )
    try:
        assert len(stolen) == 1
        assert httpx.URL(running.url).port != stolen[0]
        assert httpx.get(running.url, trust_env=False, timeout=120).status_code == 200
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("ends_with", "tries"), [("no such module", 1), ("EADDRINUSE", PORT_TRIES)]
)
def test_only_a_taken_port_is_a_reason_to_try_again(
    ends_with: str, tries: int, tmp_path: Path
) -> None:
    before = custody.tickets
    begun = tmp_path / "begun"
    code = f"import sys; open({str(begun)!r}, 'a').write('x'); sys.exit({ends_with!r})"
    with pytest.raises(ChildFailed, match=ends_with):
        service.start(target(sys.executable, "-c", code), Start("any", NOWHERE))
    assert len(begun.read_text()) == tries
    assert custody.tickets == before
