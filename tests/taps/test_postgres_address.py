"""URLs: where they point, and the same URLs pointing at a tap."""

from __future__ import annotations

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.taps.postgres.address import Address, address_of, redirected

TAP = Address("127.0.0.1", 6000)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://u@db.example:5433/x", ("db.example", 5433)),
        ("postgres://db.example/x", ("db.example", 5432)),
        ("postgresql+psycopg://u:p@h/x", ("h", 5432)),
        ("postgresql://u@/x?host=/run/pg&port=5434", ("/run/pg", 5434)),
        ("postgresql://%2Frun%2Fpg/x", ("/run/pg", 5432)),
        ("postgresql://h/x?hostaddr=10.0.0.1", ("10.0.0.1", 5432)),
        ("postgresql://[::1]:5433/x", ("::1", 5433)),
    ],
)
def test_where_a_url_points(url, address):
    assert address_of(url) == address


def test_the_socket_of_a_folder():
    assert Address("/run/pg", 5434).socket == "/run/pg/.s.PGSQL.5434"
    assert TAP.socket is None


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://h/x", "scheme 'mysql'"),
        ("postgresql:///x", "names no host"),
        ("postgresql://a,b/x", "several hosts"),
        ("postgresql://h/x?port=abc", "without a single numeric port"),
        ("postgresql://h/x?sslmode=verify-full", "without encryption"),
        ("postgresql://h:99999/x", "without a single numeric port"),
    ],
)
def test_a_url_that_names_no_server_is_refused(url, problem):
    with pytest.raises(UsageError, match=problem):
        address_of(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p%40@h:5433/x", "postgresql://u:p%40@127.0.0.1:6000/x"),
        ("postgresql+asyncpg://u@h/x", "postgresql+asyncpg://u@127.0.0.1:6000/x"),
        ("postgresql://u@/x?host=/run&port=1", "postgresql://u@127.0.0.1:6000/x"),
        (
            "postgresql://u@h/x?sslmode=require&application_name=a%20b",
            "postgresql://u@127.0.0.1:6000/x?application_name=a%20b&sslmode=disable",
        ),
    ],
)
def test_the_same_url_at_the_tap(url, expected):
    assert redirected(url, TAP) == expected


def test_the_same_url_at_a_socket():
    at = redirected("postgresql://u@h:1/x", Address("/run/tap", 6000))
    assert at == "postgresql://u@/x?host=%2Frun%2Ftap&port=6000"
    assert address_of(at) == ("/run/tap", 6000)
