"""Gives a service under test the way out that does not lead to Stripe itself.

Each platform is told in its own way (docs/security.md names who heeds which):

* ``HTTPS_PROXY`` and ``https_proxy``: curl, Go, most clients of Python, PHP, .NET, Deno, Bun.
* Node, whose own clients heed none, is given a module that is loaded first. It refuses connections
  to Stripe's hosts and leaves all others as they are; it also takes our proxy out of the
  environment, since libraries treat proxies in ways of their own (axios sent ``https`` addresses in
  the clear, https://github.com/axios/axios/issues/6330).
* Java: system properties, by ``JAVA_TOOL_OPTIONS``
  (https://docs.oracle.com/en/java/javase/21/core/java-networking.html#proxies).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

NODE_MODULE = Path(__file__).with_name("egress.cjs")
VARIABLE = "PAIDONCE_EGRESS"
"""Names the proxy to the module of Node."""
KEPT = "PAIDONCE_EGRESS_KEPT"
"""Set where the proxy stands for one that was there before, which Node is to keep."""
_NAMES = ("https_proxy", "HTTPS_PROXY")
_NO_PROXY = ("no_proxy", "NO_PROXY")
_HERE = ("localhost", "127.0.0.1", "::1")


def with_egress(own: Mapping[str, str], proxy: str) -> dict[str, str]:
    """Return the whole environment of a process: ours, its ``own``, and ``proxy`` as the way out.

    Where ``own`` says HTTPS_PROXY in any spelling, empty too, that is meant and nothing is added;
    nor is anything where ``proxy`` is empty. A proxy that our environment names is behind it.
    """
    whole = {**os.environ, **own}
    if not proxy or any(name.lower() == _NAMES[0] for name in own):
        return whole
    before = any(whole.get(name) for name in (*_NAMES, "all_proxy", "ALL_PROXY"))
    added = dict.fromkeys(_NAMES, proxy) | dict.fromkeys(_NO_PROXY, _no_proxy(whole))
    added |= {VARIABLE: proxy, "NODE_OPTIONS": _node_options(whole)}
    if before:
        added[KEPT] = "1"
    elif "https.proxyHost" not in whole.get("JAVA_TOOL_OPTIONS", ""):
        place = urlsplit(proxy)
        told = f"-Dhttps.proxyHost={place.hostname} -Dhttps.proxyPort={place.port}"
        added["JAVA_TOOL_OPTIONS"] = f"{whole.get('JAVA_TOOL_OPTIONS', '')} {told}".strip()
    return {**whole, **added}


def _node_options(whole: Mapping[str, str]) -> str:
    # A path with blanks is written in double quotes: https://nodejs.org/api/cli.html#node_optionsoptions
    return f"{whole.get('NODE_OPTIONS', '')} --require {json.dumps(str(NODE_MODULE))}".strip()


def _no_proxy(whole: Mapping[str, str]) -> str:
    """Return the hosts that need no proxy, without patterns that take in Stripe.

    Nothing is lost: our proxy goes past the one beyond it wherever NO_PROXY says so.
    """
    said = next((whole[name] for name in _NO_PROXY if whole.get(name)), "")
    given = [one.strip() for one in said.split(",")]
    kept = [one for one in given if one and one != "*" and not _takes_in_stripe(one)]
    return ",".join(dict.fromkeys([*kept, *_HERE]))


def _takes_in_stripe(pattern: str) -> bool:
    host = pattern.partition(":")[0].lstrip("*.").lower()
    return host == "com" or host == "stripe.com" or host.endswith(".stripe.com")
