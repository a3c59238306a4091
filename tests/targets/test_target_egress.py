"""A service that would call Stripe's own address is kept from it, on each platform in its way."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading

import pytest
from small_services import HERE

from paidonce.harness.process.ports import HOST
from paidonce.harness.service.egress import KEPT, NODE_MODULE, with_egress
from paidonce.harness.taps.stripe.egress import EgressProxy

PROXY = "http://127.0.0.1:4321"
ASKS = HERE / "stripe_itself"
_WORDS = ("proxy", "node_options", "java_tool_options")
NOT_PYTHON = [
    *(("node", "asks.js", way) for way in ("fetch", "agent", "tls", "http2")),
    *(("java", "Asks.java", way) for way in ("HttpURLConnection", "HttpClient")),
    ("go", "run", "asks.go"),
    ("curl", "--silent", "--show-error", "https://api.stripe.com/v1/charges"),
]


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch):
    for name in list(os.environ):
        if any(word in name.lower() for word in _WORDS):
            monkeypatch.delenv(name)


def added(own=()):
    before = dict(os.environ)
    whole = with_egress(dict(own), PROXY)
    return {name: value for name, value in whole.items() if before.get(name) != value}


def test_a_process_gets_the_way_out_and_its_own_variables():
    env = added({"SHOP": "1"})
    assert env["SHOP"] == "1"
    assert env["HTTPS_PROXY"] == env["https_proxy"] == PROXY
    assert env["NO_PROXY"] == env["no_proxy"] == "localhost,127.0.0.1,::1"
    assert env["NODE_OPTIONS"] == f'--require "{NODE_MODULE}"'
    assert env["JAVA_TOOL_OPTIONS"] == "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=4321"
    assert KEPT not in env
    assert NODE_MODULE.is_file()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("value", ["", "http://proxy.example:3128"])
def test_a_file_that_says_which_proxy_is_left_alone(name, value):
    assert set(added({name: value})) == {name}


def test_options_that_were_there_stay():
    env = added({"NODE_OPTIONS": "--enable-source-maps", "JAVA_TOOL_OPTIONS": "-Xmx1g"})
    assert env["NODE_OPTIONS"].startswith("--enable-source-maps --require ")
    assert env["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttps.proxyHost=")


def test_a_proxy_of_the_shell_stays_behind_it(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "*, intern.example, .stripe.com, api.stripe.com")
    env = added()
    assert env["HTTPS_PROXY"] == PROXY
    assert env["NO_PROXY"] == "intern.example,localhost,127.0.0.1,::1"
    assert env[KEPT] == "1"
    assert "JAVA_TOOL_OPTIONS" not in env


class Egress(threading.Thread):
    """A way out, on an event loop of its own."""

    def __enter__(self):
        self.ready = threading.Event()
        self.start()
        self.ready.wait()
        return self.proxy

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        async with EgressProxy() as self.proxy:
            self.ready.set()
            await self.over.wait()

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.over.set)
        self.join()


def asked(*words):
    """Ask for Stripe itself; how it ended, and which hosts were refused."""
    with Egress() as egress:
        said = subprocess.run(
            words,
            env=with_egress({}, egress.url),
            cwd=ASKS,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return said, egress.refused


def test_a_client_of_python_is_kept_from_stripe():
    said, refused = asked(sys.executable, "asks.py", "urllib")
    assert said.stdout.startswith("refused: "), said
    assert "keeps a service under test from Stripe itself" in said.stdout
    assert refused == {"api.stripe.com"}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["requests", "httpx", "stripe"])
def test_so_are_others(way):
    said, refused = asked(sys.executable, "asks.py", way)
    assert said.stdout.startswith("refused: "), said
    assert refused == {"api.stripe.com"}


@pytest.mark.slow
@pytest.mark.parametrize("words", NOT_PYTHON, ids=" ".join)
def test_so_are_clients_of_other_platforms(words):
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    said, refused = asked(*words)
    assert said.stdout.startswith("refused: ") or said.returncode == 56, said  # 56: of curl
    assert refused == {"api.stripe.com"}


@pytest.mark.slow
def test_node_sees_no_proxy_and_reaches_everything_else():
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    program = """
      const server = require('node:http').createServer((_, response) => response.end('hello'));
      server.listen(0, '127.0.0.1', async () => {
        const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
        console.log(await answer.text(), process.env.HTTPS_PROXY, process.env.https_proxy);
        server.close();
      });
    """
    said, refused = asked("node", "-e", program)
    assert said.stdout == "hello undefined undefined\n", said
    assert refused == set()
    assert HOST not in said.stderr
