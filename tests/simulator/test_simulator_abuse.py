"""What a client must not be able to do to the simulator, or through it."""

from __future__ import annotations

import contextlib
import socket

import httpx
import pytest
from simulator_process import API_KEY, DEADLINE_S, Simulator

REBOUND = {"Host": "shop.example:8080"}
FOREIGN = {"Origin": "https://shop.example"}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}


def connected(simulator: Simulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", simulator.port), timeout=DEADLINE_S)


def sent_until_refused(connection: socket.socket, data: bytes) -> int:
    """How many bytes were taken, until no more were for a second, or the connection was closed."""
    connection.settimeout(1.0)
    sent = 0
    with contextlib.suppress(TimeoutError, ConnectionError):
        while sent < len(data):
            sent += connection.send(data[sent : sent + 2**18])
    connection.settimeout(DEADLINE_S)
    return sent


@pytest.mark.parametrize("headers", [REBOUND, FOREIGN, {"Origin": "null"}, CROSS_SITE])
@pytest.mark.parametrize("what", [("POST", "/_control/reset"), ("GET", "/_control/ledger")])
def test_the_control_api_is_for_this_machine(
    simulator: Simulator, headers: dict[str, str], what: tuple[str, str]
) -> None:
    simulator.post("/v1/customers")
    answer = simulator.http.request(*what, headers={"Paidonce-Control": "1", **headers})
    assert answer.status_code == 403
    assert "expected" in answer.json()["error"]["message"]
    assert len(simulator.get("/v1/customers").json()["data"]) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "stripe.localhost", "[::1]:{port}"]
)
def test_names_of_this_machine_are_answered(simulator: Simulator, host: str) -> None:
    host = host.format(port=simulator.port)
    own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
    answer = simulator.http.get("/_control/health", headers={"Paidonce-Control": "1", **own})
    assert answer.status_code == 200
    assert simulator.http.get("/_paidonce", headers=own).status_code == 200


def test_the_pages_are_too_but_a_shop_may_lead_a_payer_there(simulator: Simulator) -> None:
    intent = simulator.post(
        "/v1/payment_intents",
        {
            "amount": "1000",
            "currency": "usd",
            "confirm": "true",
            "payment_method": "pm_card_threeDSecure2Required",
            "return_url": "https://shop.example/done",
        },
    ).json()
    asked = intent["next_action"]["redirect_to_url"]["url"]
    assert simulator.http.get("/_paidonce", headers=REBOUND).status_code == 403
    assert simulator.http.get("/_paidonce", headers=CROSS_SITE).status_code == 403
    assert simulator.http.get(asked, headers=REBOUND).status_code == 403
    assert simulator.http.get(asked, headers=CROSS_SITE).status_code == 200
    assert simulator.http.post(asked, headers=FOREIGN).status_code == 403
    assert simulator.http.post(asked).status_code == 303


def test_a_url_without_end_is_no_request(simulator: Simulator) -> None:
    answer = simulator.http.get(f"/v1/charges?created={'1' * 20_000}")
    assert answer.status_code == 413
    with connected(simulator) as connection:
        sent = sent_until_refused(connection, b"GET /" + b"a" * 2**27)
    assert sent < 2**24, "what was sent after that was taken by nobody"
    assert simulator.get("/v1/charges").status_code == 200


@pytest.mark.parametrize("depth", [100_000])
@pytest.mark.parametrize("name", ["reset", "state", "faults"])
def test_json_without_bottom_is_not_what_was_expected(
    simulator: Simulator, name: str, depth: int
) -> None:
    answer = simulator.http.post(
        f"/_control/{name}",
        content=b'{"a":' * depth + b"1" + b"}" * depth,
        headers={"Paidonce-Control": "1"},
    )
    assert answer.status_code == 400


@pytest.mark.slow
def test_who_reads_no_answers_is_read_no_more_and_loses_none(simulator: Simulator) -> None:
    one = f"GET /v1/none HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\n\r\n".encode()
    all_of_them = one * 200_000
    with connected(simulator) as unread:
        sent = sent_until_refused(unread, all_of_them)
        with httpx.Client(base_url=simulator.url, timeout=DEADLINE_S) as other:
            headers = {"Authorization": f"Bearer {API_KEY}"}
            assert other.get("/v1/charges", headers=headers).status_code == 200
        answered, rest = 0, b""
        while answered < sent // len(one):
            pieces = (rest + unread.recv(2**20)).split(b"HTTP/1.1 404")
            answered, rest = answered + len(pieces) - 1, pieces[-1][-11:]
    assert sent < len(all_of_them)
