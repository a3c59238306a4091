"""A Python service that is slow to load is forked after a crash, and begins no sooner than that."""

from __future__ import annotations

import sys

import pytest

from paidonce.harness.errors import UsageError
from paidonce.harness.http.once import ask_once
from paidonce.harness.process.zygote import Forked
from paidonce.harness.service.launch import Addresses, Start
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.launch import start

SLOW = """
import os
with open("loaded", "a") as log:
    print(os.getpid(), file=log)
"""
WEB = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
import slow, own
with open("begun", "a") as log:
    print(os.getpid(), __name__, sys.argv[1:], os.environ["COLOUR"], file=log)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
TARGET = """
name = "slow"
[[process]]
name = "web"
command = "{python} COMMAND {port}"
ready = "/"
ahead = ["slow"]
[process.env]
COLOUR = "{variant}"
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET /"
[success]
status = 200
[observe.ones]
sql = "SELECT 1"
[[invariants]]
name = "one"
check = "ones == 1"
"""
NOWHERE = Addresses("postgres://127.0.0.1:1/x", "", "", "", "")


def written(tmp_path, name):
    return [line.split() for line in (tmp_path / name).read_text().splitlines()]


def target(tmp_path, command="web.py"):
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "own.py").write_text("")
    (tmp_path / "web.py").write_text(WEB)
    path = tmp_path / "target.toml"
    path.write_text(TARGET.replace("COMMAND", command))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="services are forked there")
@pytest.mark.parametrize("command", ["web.py", "-m web"])
def test_what_is_slow_is_loaded_once_and_the_program_begins_after_each_crash(tmp_path, command):
    service = start(load_target(target(tmp_path, command)), Start("default", NOWHERE), None)
    try:
        (process,) = service.processes
        assert not isinstance(process.child, Forked)
        for crashes in (1, 2, 3):
            process.crash()
            assert isinstance(process.child, Forked)
            assert len(written(tmp_path, "begun")) == 1 + crashes
            assert int(written(tmp_path, "begun")[-1][0]) == process.child.pid
            assert ask_once("GET", f"{service.url}/", seconds=5.0).status == 200
    finally:
        service.stop()
    assert len(written(tmp_path, "loaded")) == 2  # at the first start, and by what is forked
    assert len({tuple(words[1:]) for words in written(tmp_path, "begun")}) == 1


MISTAKES = [
    ('["slow"]', '["slow module"]', "ahead: expected names of modules, as import has them, got"),
    ("{python} COMMAND {port}", "node", "ahead: expected a command that is a Python program's"),
    ("COMMAND", "-u web.py", "with no other option before, got '{python} -u web.py"),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_what_cannot_be_loaded_ahead_is_refused(tmp_path, old, new, said):
    path = target(tmp_path)
    path.write_text(TARGET.replace('ready = "/"', "port = 3000").replace(old, new))
    with pytest.raises(UsageError) as refused:
        load_target(path)
    assert "[[process]] 1" in str(refused.value)
    assert said in str(refused.value)
