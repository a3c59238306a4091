"""Exit code 1 is a counterexample and nothing else, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap

import psycopg
import pytest
import redis
from test_cli_errors import paidonce

from paidonce.harness.cli.leaving import leaves
from paidonce.harness.errors import Unavailable, UsageError
from paidonce.harness.http.client import NoAnswer
from paidonce.harness.process.interruption import INTERRUPTED

INTERRUPTED_MODULE = """
import sys, types
import paidonce.harness.cli
from paidonce.harness.cli.entry import run
from paidonce.harness.cli.leaving import leaves

def interrupted():
    raise KeyboardInterrupt

def command():
    exec("interrupted()", {"interrupted": interrupted})
    return 0

if sys.argv[1] == "run":
    main = types.ModuleType("main")
    main.run = command
    paidonce.harness.cli.main = sys.modules["paidonce.harness.cli.main"] = main
    run()
else:
    import typer
    try:
        leaves(command)()
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
"""


def left(error, capsys):
    """(exit code, what was said) of a command that ends in ``error``."""

    def command():
        raise error

    with pytest.raises(BaseException) as ended:  # noqa: PT011
        leaves(command)()
    return ended.value.exit_code, " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("shop.toml: no such file"), 2, "error: shop.toml: no such file"),
        (
            psycopg.OperationalError("server closed\nthe connection"),
            3,
            "error: the connection to Postgres was lost (server closed the connection); nothing",
        ),
        (
            psycopg.InterfaceError("closed"),
            3,
            "error: the connection to Postgres was lost (closed)",
        ),
        (
            redis.ConnectionError("Connection refused"),
            3,
            "error: Redis does not answer (Connection",
        ),
        (NoAnswer("the service closed it"), 3, "error: no answer came to a request of paidonce's"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/tmp/h.jsonl"),
            3,
            "[Errno 28] No space left on device: '/tmp/h.jsonl'",
        ),
        (ConnectionResetError(errno.ECONNRESET, "reset"), 3, "the system refused something"),
        (
            ExceptionGroup("", [OSError("lost"), Unavailable("redis", "gone", "Start it")]),
            2,
            "error: redis: gone. Start it",
        ),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
def test_what_goes_wrong_is_one_sentence_and_never_a_counterexample(error, code, said, capsys):
    found, text = left(error, capsys)
    assert found == code
    assert said in text
    assert "Traceback" not in text


def test_a_defect_of_ours_decides_nothing_either(capsys):
    code, text = left(ValueError("list.remove(x): x not in list"), capsys)
    assert code == 3
    assert "this is a defect of paidonce, and nothing was decided: list.remove(x)" in text
    assert "Traceback" in text


SHOP = """
import os, psutil, psycopg, redis, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

done = [0]
us = psutil.Process(os.getppid()).children(recursive=True)
words = {"postgres": "postgres", "redis": "valkey", "stripe": "paidonce.harness.simulator"}
victim = next(p for p in us if words[os.environ["VICTIM"]] in " ".join(p.cmdline()))
redis.Redis.from_url(os.environ["REDIS_URL"]).ping()

class Shop(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self): self.say(200)
    def say(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_POST(self):
        try:
            with psycopg.connect(os.environ["DATABASE_URL"]) as db:
                db.execute("SELECT 1")
            store = redis.Redis.from_url(os.environ["REDIS_URL"])
            store.get("k")
            done[0] += 1
            if done[0] == 4:
                victim.kill()
            store.incr("k")
            urllib.request.urlopen(os.environ["STRIPE"] + "/v1/charges")
        except Exception as error:
            print(repr(error), flush=True)
        self.say(200)

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Shop).serve_forever()
"""
TARGET = """
name = "shop"
[[process]]
command = "{python} shop.py"
ready = "/"
[process.env]
PORT = "{port}"
DATABASE_URL = "{postgres_url}"
REDIS_URL = "{redis_url}"
STRIPE = "{stripe_url}"
VICTIM = "%s"
[taps]
need = ["redis"]
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "POST /pay"
[success]
status = 200
[rejection]
status = 409
[observe.one]
sql = "SELECT 1"
[[invariants]]
name = "one"
check = "one == 1"
"""


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["postgres", "redis", "stripe"])
def test_a_server_killed_in_the_midst_of_a_search_is_no_counterexample(victim, tmp_path):
    (tmp_path / "shop.py").write_text(textwrap.dedent(SHOP))
    (tmp_path / "shop.toml").write_text(TARGET % victim)
    run = paidonce("explore", "shop.toml", "--budget", "60", cwd=tmp_path)
    assert run.returncode in (2, 3)
    assert "Traceback" not in run.stdout + run.stderr
    assert run.stderr.startswith("error: ") or "not complete" in run.stdout


@pytest.mark.parametrize("how", ["leaves", "run"])
def test_ctrl_c_in_a_text_that_is_executed_ends_with_our_exit_code(tmp_path, how):
    # As where a dataclass is being made: under ``python -m`` the interpreter would end by SIGINT.
    (tmp_path / "interrupted_module.py").write_text(INTERRUPTED_MODULE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "interrupted_module", how]
    assert subprocess.run(command, env=environment, check=False).returncode == INTERRUPTED
