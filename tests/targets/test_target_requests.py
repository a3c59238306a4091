"""The request of a step: where it goes, and what is sent with it."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.format import StepTable
from paidonce.harness.targets.file.placeholders import NoSuchPlace
from paidonce.harness.targets.run.requests import request_of
from paidonce.harness.targets.run.scope import Scope

FILE = """
name = "shop"
headers = { Accept = "application/json", X-Tenant = "all" }

[variants.racy]
sound = false
headers = { x-tenant = "racy" }

[variants.fixed]
sound = true

[[process]]
command = "serve {port}"

[[prepare]]
request = "POST /orders"
capture = { href = "header:Location" }

[marks]
last = "SELECT max(id) FROM payments"

[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET {href}?after={last}"

[success]
status = 200

[observe.kept]
sql = "SELECT 1"

[[invariants]]
name = "kept"
check = "kept == 1"
"""


@pytest.fixture
def loaded(tmp_path):
    """The target file, read."""
    (tmp_path / "target.toml").write_text(FILE)
    return load_target(tmp_path / "target.toml")


def asked(request, values, common=None):
    scope = Scope(values=values)
    step = StepTable(request=request)
    return request_of(SimpleNamespace(), step, scope, "client", common or {}, "here")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/orders/7/pay", "/orders/7/pay"),
        ("/orders/7?step=2#top", "/orders/7?step=2"),
        ("http://127.0.0.1:3000/orders/7?a=b%20c", "/orders/7?a=b%20c"),
        ("https://shop.example", "/"),
        ("/a b/ü%2F", "/a%20b/%C3%BC%2F"),
    ],
)
def test_a_path_that_begins_with_a_captured_value_is_that_path(value, path):
    assert asked("GET {href}", {"href": value}).path == path


def test_more_may_come_behind_it_and_is_quoted():
    values = {"href": "/orders/7", "what": "a/b"}
    assert asked("GET {href}/{what}", values).path == "/orders/7/a%2Fb"
    assert asked("GET /x/{what}", values).path == "/x/a%2Fb"


@pytest.mark.parametrize("value", ["7", "orders/7", "mailto:a@b.c", ""])
def test_what_is_neither_path_nor_address_is_told(value):
    with pytest.raises(
        NoSuchPlace, match=r"here: \{href\} is '.*', which is not a path or an address"
    ):
        asked("GET {href}", {"href": value})


def test_a_value_that_was_marked_is_known_in_the_steps_of_attempts(loaded):
    step = loaded.file.attempts[0].steps[0]
    request = asked(step.request, {"href": "/orders", "last": 41})
    assert request.path == "/orders?after=41"


def test_a_graphql_document_is_sent_exactly_as_written():
    document = "mutation($id: ID!) { pay(id: $id) {order} }} {{"
    step = StepTable(request="POST /graphql", graphql=document, variables={"id": "{order}"})
    scope = Scope(values={"order": 7})
    sent = request_of(SimpleNamespace(), step, scope, "client", {}, "here")
    assert msgspec.json.decode(sent.body) == {"query": document, "variables": {"id": 7}}
    assert sent.headers["Content-Type"] == "application/json"


def test_a_variant_may_be_reset_in_its_own_way(tmp_path):
    own = FILE.replace("sound = false\n", 'sound = false\nreset = { sql = ["DELETE FROM a"] }\n')
    (tmp_path / "target.toml").write_text(own)
    loaded = load_target(tmp_path / "target.toml")
    assert loaded.reset("racy").sql == ("DELETE FROM a",)
    assert loaded.reset("fixed").sql == ()


def test_each_variant_has_headers_of_its_own(loaded):
    sent = asked("GET /", {}, loaded.headers("racy")).headers
    assert sent == {"Accept": "application/json", "x-tenant": "racy"}
    sent = asked("GET /", {}, loaded.headers("fixed")).headers
    assert sent == {"Accept": "application/json", "X-Tenant": "all"}
