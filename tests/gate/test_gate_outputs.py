"""What CI systems read: annotations, a comment, SARIF."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from gate_proofs import INVARIANTS, bursts, cell, complete, found, incomplete, proof
from gate_shop import SHOP
from jsonschema.validators import validator_for

from paidonce import reports
from paidonce.harness.results import Finding, Level
from paidonce.harness.verdict import Status
from paidonce.reports.formats.ci import annotation, comment, line_of, sarif

ACCEPTED = {"racy/successes": "accepted until 2027-01-01: soon"}
WHOLE = proof(
    cell(found(), bursts(Status.INVALID)),
    cell(incomplete(), bursts(Status.VALID, Status.VALID), variant="locked"),
)
ASSESSED = reports.assess(WHOLE, ACCEPTED)
LISTED = ASSESSED.findings


def replay(one):
    return None if one.witness is None else f"paidonce replay out/{one.witness}"


def test_an_annotation_is_one_line_with_everything_escaped():
    odd = Finding(
        variant="racy, new",
        what="a: b",
        level=Level.WARNING,
        reason="100%\r\nsure",
        why="",
        history="h",
    )
    assert annotation(odd, "a,b/target.toml", 7, "paidonce replay x") == (
        "::warning file=a%2Cb/target.toml,line=7,title=paidonce%3A racy%2C new/a%3A b"
        "::100%25%0D%0Asure%0Areplay it: paidonce replay x"
    )


def test_levels_of_annotations():
    lines = [annotation(one, "t.toml", 1, replay(one)) for one in LISTED]
    assert [line.split(" ")[0] for line in lines] == ["::error", "::error", "::notice", "::warning"]
    assert lines[2].endswith("%0Areplay it: paidonce replay out/witnesses/racy-shop.witness.json")
    assert "accepted until 2027-01-01: soon" in lines[2]


def test_a_proof_that_a_burst_refuted_is_an_error():
    refuted = proof(cell(complete(), bursts(Status.VALID, Status.INVALID), variant="locked"))
    assessed = reports.assess(refuted)
    (line,) = (annotation(one, "t.toml", 1, replay(one)) for one in assessed.findings)
    assert line.startswith("::error file=t.toml,line=1,title=paidonce%3A locked/one charge at most")
    assert "seen in 1 of 2 bursts" in line
    text = comment(assessed, replay=replay, diagrams={})
    assert "### Broken" in text
    assert "### Not decided" not in text
    assert "- ❌ `locked/one charge at most`" in text


def test_findings_belong_to_the_lines_of_the_target_file():
    text = (SHOP / "target.toml").read_text()
    lines = text.splitlines()

    def line(what, variant="racy"):
        made = Finding(variant=variant, what=what, level=Level.ERROR, reason="", why="")
        return lines[line_of(made, text) - 1]

    assert line("one charge at most") == 'name = "one charge at most"'
    assert line("successes") == "[success]"
    assert line("rejections") == "[rejection]"
    assert line("undecided", "locked") == "[variants.locked]"
    assert line("undecided", "default") == 'name = "small-shop"'


def test_the_comment_tells_what_is_broken_accepted_and_open():
    text = comment(
        ASSESSED,
        replay=replay,
        diagrams={"witnesses/racy-shop.witness.json": "sequenceDiagram\n    A->>B: x\n"},
        notes=["base.toml: remove it"],
    )
    lines = text.splitlines()
    assert lines[0] == "<!-- paidonce shop -->"
    assert lines[2] == "## ❌ paidonce: shop contradicted"
    assert text.index("### Broken") < text.index("### Not decided") < text.index("### Accepted")
    assert "- ❌ `racy/one charge at most`: charges \\<= 1" in text
    assert "<br>replay it: `paidonce replay out/witnesses/racy-shop.witness.json`" in text
    assert "- ❔ `locked/undecided`" in text
    assert "- ⚠️ `racy/successes`" in text
    assert "```mermaid\nsequenceDiagram\n    A->>B: x\n```" in text
    assert "base.toml: remove it" in text


def test_a_comment_is_never_longer_than_a_comment_may_be():
    big = {f"w{n}.witness.json": "sequenceDiagram\n" + "x" * 25_000 + "\n" for n in range(5)}
    text = comment(ASSESSED, replay=replay, diagrams=big)
    assert len(text) < 65_536
    assert text.count("```mermaid") == text.count("</details>") == 2


def test_sarif_has_what_the_standard_requires_and_github_reads():
    data = sarif(
        ASSESSED,
        target="shop",
        file="my shops/target.toml",
        line=lambda one: 3,
        invariants=dict.fromkeys(INVARIANTS, "charges <= 1"),
        replay=replay,
    )
    log = json.loads(data)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "paidonce"
    assert len({rule["id"] for rule in rules}) == len(rules) == 7
    assert all(rule["shortDescription"]["text"] for rule in rules)
    assert [one["level"] for one in run["results"]] == ["error", "error", "error", "warning"]
    prints = set()
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        (place,) = one["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == "my%20shops/target.toml"
        assert place["physicalLocation"]["region"] == {"startLine": 3}
        prints.add(one["partialFingerprints"]["paidonceFinding/v1"])
    assert len(prints) == 4
    suppressed = [one.get("suppressions") for one in run["results"]]
    assert suppressed[2] == [
        {"kind": "external", "justification": "accepted until 2027-01-01: soon"}
    ]
    assert suppressed[0] is suppressed[1] is suppressed[3] is None


def sarif_schema():
    """The schema that OASIS publishes, from a package that carries it."""
    path = Path(os.environ.get("PAIDONCE_TEST_SARIF_SCHEMA", "nowhere"))
    if not path.exists():
        pytest.skip(
            "no SARIF schema: PAIDONCE_TEST_SARIF_SCHEMA names none; the npm package "
            "@microsoft/jest-sarif has lib/schemas/sarif-2.1.0-rtm.5.json"
        )
    return json.loads(path.read_text())


@pytest.mark.parametrize("assessed", [ASSESSED, reports.assess(proof()), reports.assess(WHOLE)])
def test_sarif_is_valid_by_the_official_schema(assessed):
    schema = sarif_schema()
    told = {"target": "shop", "file": "target.toml", "line": lambda one: 3, "replay": replay}
    log = json.loads(sarif(assessed, invariants=dict.fromkeys(INVARIANTS, "a <= 1"), **told))
    validator = validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["tool"]["driver"].pop("name")
    assert list(validator.iter_errors(log)), "a schema that accepts anything says nothing"


def test_a_sarif_log_without_findings_has_its_rules():
    data = sarif(
        reports.assess(proof()),
        target="t",
        file="t.toml",
        line=lambda one: 1,
        invariants={"a": "b"},
        replay=replay,
    )
    run = json.loads(data)["runs"][0]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"][0]["id"] == "invariant/a"
