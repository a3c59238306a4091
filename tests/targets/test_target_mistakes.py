"""What people write wrong in a target file, and what they are told."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from targets_sample import example, write

from paidonce.harness.errors import UsageError
from paidonce.harness.simulator.endpoints.routes import _ENDPOINTS
from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.stripe_lists import Counted

# (what is replaced, by what, what the message must say)
MISTAKES = [
    # --- words that are not the format's
    ('request = "POST /orders"', 'method = "POST"', "[[prepare]] 3, method: unknown key"),
    ('request = "POST /orders"', 'path = "/orders"', "did you mean request = 'POST /path'?"),
    (
        "\nsound = false",
        "\nsond = false",
        "[variants.racy], sond: unknown key; did you",
    ),
    ("\n[success]", "\n[sucess]", "sucess: unknown key; did you mean success?"),
    ('env = { PAYMENT_LOCK = "none" }', 'environment = { A = "b" }', "did you mean env?"),
    ("[[process]]", "[[processes]]", "processes: unknown key; did you mean process?"),
    ("expect = 303", "status = 303", "[[prepare]] 2, status: unknown key; did you mean expect?"),
    ('ready = "/healthz"', 'healthcheck = "/healthz"', "did you mean ready?"),
    ('check = "charges <= 1"', "max = 1", "[[invariants]] 1, max: unknown key"),
    ("at_most = 1", "at_mots = 1", "[success], at_mots: unknown key; did you mean at_most?"),
    ('noise = ["SELECT 1"]', 'noises = ["SELECT 1"]', "[explore], noises: unknown key"),
    (
        'env = { PAYMENT_LOCK = "none" }',
        'build = ["npm ci"]',
        "build belongs at the top of the file",
    ),
    # --- values of another type
    (
        "\nsound = false",
        '\nsound = "no"',
        "[variants.racy], sound: expected true or false",
    ),
    ("\nsound = true", "\nsound = 1", "[variants.fixed], sound: expected true or false"),
    ("count = 2", 'count = "2"', "[[attempts]] 1, count: expected a whole number, got text"),
    ("count = 2", "count = 0", "[[attempts]] 1, count: expected int >= 1"),
    ("expect = 303", "expect = 3.5", "[[prepare]] 2, expect: expected a whole number or"),
    ('stripe = "charges"  ', 'stripe = "charge" ', "[observe.charges], stripe: unknown value"),
    ('need = ["postgres", "stripe"]', 'need = ["mysql"]', "[taps], need 1: unknown value 'mysql'"),
    ('need = ["postgres", "stripe"]', 'need = ["mysql"]', "one of 'postgres', 'redis', 'stripe'"),
    ("count = 2", "count = 2.0", "[[attempts]] 1, count: expected a whole number, got a number"),
    ('name = "shop"', "name = 2026-11-30", "name: expected text, got a date or a time"),
    (
        '["node", "server.js"]',
        "7",
        "[[process]] 1, command: expected text or a list, got a whole number",
    ),
    (
        '["node", "server.js"]',
        '["node", 7]',
        "[[process]] 1, command 2: expected text, got",
    ),
    ("[[process]]", "[process]", "process: expected a list, got a table"),
    ('schema = ["schema.sql"]', 'schema = "schema.sql"', "[database], schema: expected a list"),
    # --- what is missing
    ('name = "shop"\n', "", "shop.toml: name is missing"),
    ("\nsound = false\n", "\n", "[variants.racy]: sound is missing"),
    ('command = ["node", "server.js"]', "", "[[process]] 1: command is missing"),
    ('check = "charges <= 1"', "", "[[invariants]] 1: expected either check"),
    # --- what is there and cannot be meant
    ('name = "shop"', 'name = "my shop/1"', "name: expected a name of letters, digits"),
    ('"POST /orders/{order}/pay"', '"/orders/{order}/pay"', "expected a method and a path"),
    ('"POST /orders/{order}/pay"', '"PSOT /orders/{order}/pay"', "did you mean POST?"),
    ('"POST /orders/{order}/pay"', '"POST /orders/{oder}/pay"', "did you mean order?"),
    ("{postgres_url}", "{postgres_uri}", "unknown placeholder 'postgres_uri'; did you mean"),
    ('PORT = "{port}"', 'PORT = "3000"', "the first process gets the requests"),
    ('ready = "/healthz"', 'ready = "healthz"', "[[process]] 1, ready: expected '/path'"),
    ('cwd = "."', "port = 3000\ncopies = 2", "copies: only one of them can have port 3000"),
    ('cwd = "."', "copies = 0", "[[process]] 1, copies: expected int >= 1"),
    ('cwd = "."', 'cwd = "nowhere"', "[[process]] 1, cwd: expected a folder"),
    ('schema = ["schema.sql"]', 'schema = ["shema.sql"]', "expected an SQL file"),
    ('build = ["npm ci --no-audit"]', 'build = ["npm ci && npm test"]', "is for a shell"),
    ('"json:$.id"', '"$.id"', "capture, order: expected one of json:…"),
    ('"json:$.id"', '"json:id"', "it begins with $"),
    ('"html:input[name=_csrf]@value"', '"html:input[name=@value"', "is not a CSS selector"),
    ("expect = 303", 'expect = "3x"', "expected a status like 200 or '2xx', got '3x'"),
    ("status = [402, 409]", "status = [402, 4009]", "[rejection], status: expected a status"),
    ('status = "2xx"\njson = { "$.status" = "paid" }\n', "", "[success]: says nothing of the"),
    ("at_least = 1", "at_least = 2", "at_least = 2 is more than at_most = 1"),
    ("count = 2", "count = 1", "one attempt alone has nobody to race with"),
    ('json = { amount = 4990, currency = "usd" }', "json = {}\nform = {}", "both say what"),
    ('order_id = {order}"', "order_id = '{order}'\"", "stands in quotes"),
    ('"charges <= 1"', '"charges = 1"', "equality is written =="),
    ('"charges <= 1"', '"charge <= 1"', "unknown name 'charge'; did you mean charges?"),
    ('"charges <= 1"', '"successes == 1"', "rests on no value of [observe]"),
    ('"charges <= 1"', '"charges"', "compares nothing"),
    ('"charges <= 1"', '"len(charges) <= 1"', "is not understood"),
    ('"charges <= 1"', '"charges <= before.charge"', "did you mean charges?"),
    ('stripe = "charges"\nsum', 'sql = "SELECT 1"\nsum', "it is for Stripe's objects"),
    ('need = ["postgres", "stripe"]', 'need = ["redis"]', "nothing can be seen at the redis tap"),
    ('per = "service"\nas = "alice"\nrequest = "POST /login"', 'request = "POST /login"', "late"),
    ('sql = ["UPDATE', 'snapshot = true\nsql = ["UPDATE', "either sql or snapshot"),
]
LATE = "{token} is captured per run, which is not there yet"


TIME = """
[[time]]
name = "lease over"
seconds = 60
sql = "UPDATE orders SET held = held - interval '1 minute' WHERE id = {order}"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seconds = 60", "seconds = 0", "[[time]] 1, seconds: expected float > 0"),
        ("seconds = 60", "at_most = 0", "[[time]] 1, at_most: expected int >= 1"),
        ("seconds = 60", "secs = 60", "[[time]] 1, secs: unknown key"),
        ('"lease over"', '"tab 1"', "there is another attempt called 'tab 1'"),
        ("{order}", "{oder}", "[[time]] 1, sql, item 1: unknown placeholder 'oder'"),
        (TIME[TIME.index("seconds") :], "", "expected seconds, sql or both"),
    ],
)
def test_a_mistake_about_time_is_told_too(tmp_path, old, new, said):
    assert load_target(write(tmp_path, example() + TIME)).file.time[0].seconds == 60
    with pytest.raises(UsageError) as told:
        load_target(write(tmp_path, example() + TIME.replace(old, new)))
    assert said in str(told.value)


EVENT = """
[[attempts]]
name = "stripe"
[[attempts.steps]]
event = "refund.created"
where = { metadata = "{order}" }
request = "POST /webhook"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("refund.created", "refund.create", "did you mean refund.created?"),
        ("{order}", "{oder}", "steps 1, where: unknown placeholder 'oder'"),
        ('event = "refund.created"\n', "", "where: it belongs to an event of Stripe's"),
        ("where", "deliveries = 0\nwhere", "deliveries: expected int >= 1"),
        (
            'name = "stripe"',
            'name = "stripe"\ngives_up = "new key"',
            "gives_up: expected an attempt whose steps are all of the service's",
        ),
        ("where", 'to = "stripe"\nwhere', "an event is delivered to the service, by Stripe"),
        ("where", "retries = 2\nredelivered = true\nwhere", "either retries, or redelivered"),
        ("where", 'webhook = "refund.created"\nwhere', "webhook and event both say what"),
        (
            'request = "POST /webhook"',
            'request = "POST /webhook"\ndeliveries = 2\n[[attempts.steps]]\nrequest = "GET /"',
            "deliveries is for an attempt of one step",
        ),
    ],
)
def test_a_mistake_about_an_event_is_told_too(tmp_path, old, new, said):
    file = load_target(write(tmp_path, example() + EVENT)).file
    assert file.attempts[1].steps[0].event == "refund.created"
    with pytest.raises(UsageError) as told:
        load_target(write(tmp_path, example() + EVENT.replace(old, new)))
    assert said in str(told.value)


COMMAND = """
[[attempts]]
name = "cron"
counts = false
[[attempts.steps]]
command = "python sweep.py {order}"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{order}", "{oder}", "steps 1, command: unknown placeholder 'oder'"),
        ("command", 'request = "GET /"\ncommand', "a command has nothing of a request's"),
        ("counts", 'gives_up = "new key"\ncounts', "nobody gives up on a command"),
    ],
)
def test_a_mistake_about_a_command_is_told_too(tmp_path, old, new, said):
    file = load_target(write(tmp_path, example() + COMMAND)).file
    assert file.attempts[1].steps[0].command == "python sweep.py {order}"
    with pytest.raises(UsageError) as told:
        load_target(write(tmp_path, example() + COMMAND.replace(old, new)))
    assert said in str(told.value)


@pytest.mark.parametrize("to", ["sweeper", "strip"])
def test_a_request_goes_to_a_process_there_is(tmp_path, to):
    sent = f'[[attempts]]\nname = "cron"\nsteps = [{{ request = "POST /sweep", to = "{to}" }}]\n'
    with pytest.raises(UsageError) as told:
        load_target(write(tmp_path, f"{example()}\n{sent}"))
    assert f"[[attempts]] 2, steps 1, to: unknown receiver '{to}'" in str(told.value)


def test_who_is_alone_may_race_with_time(tmp_path):
    alone = example().replace("count = 2", "count = 1")
    assert load_target(write(tmp_path, alone + TIME)).file.attempts[0].count == 1


def test_the_example_of_the_docs_is_a_target(tmp_path):
    loaded = load_target(write(tmp_path, example()))
    assert [attempt.count for attempt in loaded.file.attempts] == [2]
    assert loaded.variants["racy"].sound is False


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_file_key_and_expectation(tmp_path, old, new, said):
    text = example()
    if said == "late":
        # What is needed once per service is captured before each execution.
        text = text.replace('headers = { Authorization = "{token}" }', "", 1)
        text = text.replace('[[prepare]]\nas = "alice"\n', _LATER, 1)
        said = LATE
    assert old in text
    path = write(tmp_path, text.replace(old, new, 1))
    with pytest.raises(UsageError) as told:
        load_target(path)
    assert str(told.value).startswith(str(path))
    assert said in str(told.value)
    assert "\n" not in str(told.value)


_LATER = """[[prepare]]
per = "service"
request = "GET /me"
headers = { Authorization = "{token}" }

[[prepare]]
as = "alice"
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = shop", "not TOML: Invalid value (at line 1"),
        ("name = 'shop'\n[variants", "not TOML"),
        ("", "name is missing"),
    ],
)
def test_what_is_no_target_at_all(tmp_path, text, said):
    path = tmp_path / "shop.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"shop\.toml") as told:
        load_target(path)
    assert said in str(told.value)


def test_no_validator_is_loaded_for_a_file_that_is_right(tmp_path):
    path = write(tmp_path, example())
    program = (
        "import pathlib, sys; from paidonce.harness.targets import load_target;"
        f"load_target(pathlib.Path({str(path)!r})); sys.exit('jsonschema' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_target(tmp_path / "nothing.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes("name = 'café'".encode("latin-1"))
    with pytest.raises(UsageError, match="expected UTF-8 text"):
        load_target(path)


def test_every_list_that_is_served_can_be_counted():
    asks_for_more = {"payment_methods", "subscription_items"}
    served = {
        path.removeprefix("/v1/").replace("checkout/", "checkout_").removeprefix("test_helpers/")
        for (method, path), endpoint in _ENDPOINTS.items()
        if method == "GET" and endpoint.listed and "{" not in path and "/search" not in path
    }
    assert served - asks_for_more == set(get_args(Counted)) - {""}
