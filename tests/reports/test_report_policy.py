"""A page runs its own scripts and no other, whatever was written into it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chromium_pipe import Browser
from reports_sample import sample
from sample_sweeps import swept

from paidonce import reports
from paidonce.reports.formats.policy import with_policy

PAGE = '<!doctype html><html><head><meta charset="utf-8"></head><body>{}</body></html>'


@pytest.mark.parametrize("make", [sample, lambda folder: swept()], ids=["matrix", "load"])
def test_every_script_of_a_report_is_allowed_by_its_hash(tmp_path, make):
    written = reports.write_all(reports.assess(make(tmp_path)), tmp_path)["html"].read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', written)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    assert policy[1].count("'sha256-") == written.count("<script>")
    assert "onclick" not in written


def test_a_page_that_does_not_begin_as_ours_do_is_a_mistake():
    with pytest.raises(ValueError, match="no place for its policy"):
        with_policy("<html></html>", 0)


@pytest.mark.browser
def test_a_script_that_got_in_is_not_run(browser: Browser, tmp_path: Path):
    stranger = "<script>document.title = 'stranger'</script><img src=x onerror=document.title='s'>"
    own = "<script>document.body.id = 'own'</script>"
    path = tmp_path / "page.html"
    path.write_text(with_policy(PAGE.format(stranger + own), scripts=1))
    browser.open(path.as_uri(), width=800)
    assert browser.evaluate("[document.body.id, document.title]") == ["own", ""]
