"""``paidonce check`` on targets: verdicts, exit codes, reports; services that run already."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import sys
import xml.etree.ElementTree as ElementTree

import psycopg
import pytest
from small_services import HERE, check, edited, rewrite, run

from paidonce.harness.backends.shared import (
    database_name,
    open_shared_postgres,
)
from paidonce.harness.cli.main import app
from paidonce.harness.process.child import Child
from paidonce.harness.targets import load_target
from paidonce.harness.targets.check.variant_check import unfinished_beside
from paidonce.harness.targets.run.subject import TargetSubject


@pytest.mark.parametrize("name", ["shop", pytest.param("portal", marks=pytest.mark.slow)])
def test_every_variant_is_as_declared(tmp_path, name):
    said = check(HERE / name / "target.toml", tmp_path / "out", "--time", "240s")
    assert said.exit_code == 0, said.output
    assert "counterexample in execution" in said.output
    assert "complete: no counterexample" in said.output
    assert "note:" not in said.output
    begins = [said.output.index(part) for part in ("racy: counterexample in", "locked: predicting")]
    assert begins == sorted(begins), "what is known is told before the next variant begins"
    out = tmp_path / "out"
    results = json.loads((out / "results.json").read_text())
    assert [cell["search"]["how"] for cell in results["cells"]] == ["counterexample", "complete"]
    suite = ElementTree.parse(out / "junit.xml").getroot()
    assert suite.find(".//failure") is None
    assert "as declared" in (out / "summary.md").read_text()
    assert "racy" in (out / "report.html").read_text()
    racy, sound = (
        json.loads((out / "predictions" / cell["variant"] / "predictions.json").read_text())
        for cell in results["cells"]
    )
    assert racy[0]["standing"] == "confirmed", "named before it was found, and shown by it"
    assert results["cells"][0]["search"]["execution"] == 1, "it is tried first"
    assert all(one["standing"] == "refuted" for one in sound)
    witness = out / results["cells"][0]["search"]["witness"]
    assert json.loads(witness.read_text())["described_in"]["path"].endswith("target.toml")
    assert witness.with_name(witness.name.replace(".witness.json", ".html")).exists()


def test_what_is_to_be_known_is_in_the_reports(tmp_path):
    path = edited(tmp_path / "shop", "shop", (" WHERE id > {last_payment}", ""))
    path.write_text(path.read_text().replace("payments == successes", "payments >= successes"))
    said = check(path, tmp_path / "out", "--variant", "locked", "--time", "240s")
    assert said.exit_code == 0, said.output
    assert "Is the reset complete?" in said.output
    for report in ("results.json", "report.html", "summary.md"):
        assert "Is the reset complete?" in (tmp_path / "out" / report).read_text()


def test_a_worker_of_which_nobody_says_when_it_is_done(tmp_path):
    """What it does after the answers may not be there yet when a burst is judged."""
    assert unfinished_beside(load_target(HERE / "queue" / "target.toml").file) == ()
    query = "[rest]\nsql = [\"SELECT count(*) FROM jobs WHERE state = 'running'\"]\n"
    path = edited(tmp_path / "queue", "queue", (query, ""))
    (note,) = unfinished_beside(load_target(path).file)
    assert "(worker)" in note
    assert "[rest]" in note
    assert unfinished_beside(load_target(HERE / "shop" / "target.toml").file) == ()


def test_a_second_process_that_answers_requests_may_be_asked_past_the_taps():
    """The verdict's line then says what is taken for granted."""
    asked = TargetSubject(load_target(HERE.parent / "cases" / "sweep" / "target.toml"))
    assert asked.answering == ("sweeper",)
    worker = TargetSubject(load_target(HERE / "queue" / "target.toml"))
    assert worker.answering == ()


def test_one_variant_is_to_hold_whatever_is_claimed(tmp_path):
    said = check(HERE / "shop" / "target.toml", tmp_path / "out", "--variant", "racy")
    assert said.exit_code == 1, said.output
    assert "1 variant that was to hold broke (racy in " in " ".join(said.output.split())
    assert "declared sound" not in said.output
    suite = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert suite.find(".//failure") is not None


def test_a_set_up_that_is_wrong(tmp_path):
    path = edited(tmp_path / "shop", "shop", ('"paid" }', '"payed" }'))
    said = check(path, tmp_path / "out")
    assert said.exit_code == 2, said.output
    assert "tab 1 alone does not succeed" in said.output


def test_a_service_that_does_not_start(tmp_path):
    path = edited(tmp_path / "shop", "shop", ('"shop.py"', '"no_such_file.py"'))
    said = check(path, tmp_path / "out")
    assert said.exit_code == 2, said.output
    assert "no_such_file.py" in said.output


@pytest.mark.slow
def test_time_that_is_not_enough(tmp_path):
    path = edited(tmp_path / "queue", "queue", ("count", "count"))
    flags = ["--variant", "locked", "--time", "2s"]
    said = check(path, tmp_path / "out", *flags)
    assert said.exit_code == 3, said.output
    assert "the budget of" in said.output
    assert check(path, tmp_path / "again", *flags, "--allow-incomplete").exit_code == 0


@pytest.mark.slow
def test_more_attempts_than_the_file_says(tmp_path):
    said = check(
        HERE / "shop" / "target.toml", tmp_path / "out", "--variant", "locked", "--attempts", "3"
    )
    assert said.exit_code == 0, said.output
    assert "all interleavings of 3 attempts" in said.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{shop}", "--variant", "none"], "has no variant 'none'; choose one of: racy, locked"),
        (["{shop}", "--time", "soon"], "--time: expected a time like 90s or 2m, got 'soon'"),
        (["{shop}", "{shop}"], "one target file"),
        (["{shop}", "--checker", "progress"], "--checker is for histories"),
        (["{shop}", "--attempts", "1"], "--attempts: expected a number from 2 to 200"),
        (["x.jsonl", "--variant", "racy"], "--variant is for a target"),
        (["nowhere.toml"], "cannot be read: No such file"),
    ],
)
def test_flags_that_make_no_sense(tmp_path, arguments, said):
    shop = str(HERE / "shop" / "target.toml")
    told = run.invoke(app, ["check", *(one.format(shop=shop) for one in arguments)])
    assert told.exit_code == 2
    assert said in told.output


def free_ports(count):
    """Of those that no system gives to whoever asks for any: nobody gets one of them meanwhile."""
    found = []
    while len(found) < count:
        number = random.randrange(20_000, 32_000)
        with contextlib.closing(socket.socket()) as held, contextlib.suppress(OSError):
            held.bind(("127.0.0.1", number))
            found.append(number)
    return found


def test_a_service_that_runs_already(tmp_path):
    """It has a database of its own, and looks for its dependencies where the taps will be."""
    web, postgres, stripe = free_ports(3)
    with open_shared_postgres() as server:
        name = database_name("running")
        url = server.create_database(name)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((HERE / "shop" / "schema.sql").read_bytes())
        here = psycopg.conninfo.conninfo_to_dict(url)
        env = {
            **os.environ,
            "GUARD": "none",
            "DATABASE_URL": f"postgresql://{here['user']}@127.0.0.1:{postgres}/{name}",
            "STRIPE": f"http://127.0.0.1:{stripe}",
            "STRIPE_KEY": "sk_test_running",
        }
        shop = Child("shop", [sys.executable, "shop.py", str(web)], env=env, cwd=HERE / "shop")
        text = (HERE / "shop" / "target.toml").read_text()
        before, _, after = text.partition("[variants.racy]")
        rest = after[after.index("[[prepare]]") :]
        running = (
            f'[service]\nurl = "http://127.0.0.1:{web}"\npids = [{shop.pid}]\n\n'
            f'[database]\nurl = "{url}"\n\n'
        )
        ports = f"[taps]\npostgres_port = {postgres}\nstripe_port = {stripe}\n"
        path = tmp_path / "target.toml"
        path.write_text(before + running + rest.replace("[taps]\n", ports))
        try:
            said = check(path, tmp_path / "out", "--time", "240s")
            assert said.exit_code == 1, said.output
            assert "counterexample in execution" in said.output
            assert shop.running
        finally:
            shop.stop()
            server.drop_database(name)


def test_a_preparation_that_is_turned_away(tmp_path):
    path = edited(tmp_path / "shop", "shop", ('"POST /orders"', '"POST /orders/0/pay"'))
    said = check(path, tmp_path / "out")
    assert said.exit_code == 2, said.output
    told = '[[prepare]] 1: POST /orders/0/pay was answered 404: {"error": "no such order"}'
    assert told in said.output
    assert "No variant could be judged" in said.output


def test_a_service_that_fails_is_told_with_the_end_of_its_log(tmp_path):
    path = edited(
        tmp_path / "shop", "shop", ('STRIPE = "{stripe_url}"', 'STRIPE = "{stripe_url}x"')
    )
    shop = path.with_name("shop.py")
    handler = "        except Exception as error:\n"
    assert shop.read_text().count(handler) == 1
    says = f'{handler}            print(f"\\x1b[31mno money: {{error}}", file=sys.stderr)\n'
    rewrite(shop, (handler, says))
    said = check(path, tmp_path / "out", "--variant", "racy")
    assert said.exit_code == 2, said.output
    assert "tab 1 alone does not succeed" in said.output
    assert "the service wrote last:\nno money: " in said.output


@pytest.mark.slow
def test_a_service_that_never_answers(tmp_path):
    path = edited(tmp_path / "shop", "shop")
    shop = path.with_name("shop.py")
    call = "        intent = stripe(\n"
    assert shop.read_text().count(call) == 1
    waits = f'        print("waiting", flush=True)\n        __import__("time").sleep(3600)\n{call}'
    rewrite(shop, (call, waits))
    said = check(path, tmp_path / "out", "--variant", "racy")
    assert said.exit_code == 3, said.output
    assert "tab 1 alone: nobody can move" in said.output
    assert "the service wrote last:\nwaiting" in said.output
