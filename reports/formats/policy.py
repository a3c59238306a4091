"""Says in a page itself what it may do: run its own scripts, and fetch nothing from anywhere.

What a report tells comes from a service under test, which may be hostile. Everything is escaped
where it is written; a Content-Security-Policy (https://www.w3.org/TR/CSP3/) holds where that should
ever be forgotten. Scripts are allowed by their hashes, so that one that got in is not run.
"""

from __future__ import annotations

import base64
import hashlib
import re

_CHARSET = '<meta charset="utf-8">'
# A data block (type="application/json") is never run, and needs no leave.
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def with_policy(page: str, scripts: int) -> str:
    """Return the page with its policy as the first thing after its encoding.

    ``scripts`` is how many of the page's own scripts it has, its last ones: what came before them
    was written by somebody else. Raises ``ValueError`` where the page does not begin as ours do.
    """
    if _CHARSET not in page:
        raise ValueError(f"a page without {_CHARSET} has no place for its policy")
    own = _SCRIPT.findall(page)[-scripts:] if scripts else []
    hashes = " ".join(f"'sha256-{_hash(text)}'" for text in own) or "'none'"
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src {hashes}; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return page.replace(_CHARSET, f"{_CHARSET}\n{meta}", 1)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
