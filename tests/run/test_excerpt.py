"""What a service said, in one line of a message."""

from __future__ import annotations

from paidonce.harness.http.excerpt import said

_PAGE = b"""<!doctype html>
<html lang=en><head><title>404 Not Found</title><style>h1 { color: red }</style></head>
<h1>Not Found</h1>
<p>There is nothing &amp; nobody.</p>
<script>alert(1)</script>"""


def test_of_a_page_its_text():
    assert said(_PAGE) == "Not Found There is nothing & nobody."


def test_json_stays_as_it_is():
    assert said(b'{"error": "no such order"}\n') == '{"error": "no such order"}'


def test_what_is_long_is_cut_and_says_so():
    assert said(b"abc " * 1000, 9) == "abc abc …"
    assert said(b"") == ""
    assert said(b"\xff ok") == "� ok"
