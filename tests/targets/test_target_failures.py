"""What a target file says of failures and of what follows: read, and told where it is wrong."""

from __future__ import annotations

import re

import pytest
from targets_sample import DOCS, example, write

from paidonce.harness.errors import UsageError
from paidonce.harness.service.failures import FailureChoice, kinds_on
from paidonce.harness.service.recovery import RecoveryBounds
from paidonce.harness.taps.faults import Crash, ErrorAnswer, LostAnswer
from paidonce.harness.targets.file.loading import load_target
from paidonce.harness.targets.run.script import script_of


def failures() -> str:
    """The tables of the docs about failures."""
    found = re.search(r"## Failures, and what follows\n\n```toml\n(.*?)```", DOCS.read_text(), re.S)
    assert found is not None
    return found.group(1)


def script(tmp_path, text):
    return script_of(load_target(write(tmp_path, text)))


def test_the_tables_of_the_docs_are_understood(tmp_path):
    told = script(tmp_path, example() + failures())
    (choice,) = told.failures
    assert choice == FailureChoice("stripe", "lost_answer", 1)
    assert told.recovery == RecoveryBounds()
    assert [step.name for step in told.loaded.file.recover] == ["the lease is over", "sweep"]
    assert told.loaded.file.recovery.later.status == 409


def test_what_may_go_wrong_is_the_usual_unless_it_is_said(tmp_path):
    assert script(tmp_path, example()).failures is None
    assert script(tmp_path, f'faults = "none"\n{example()}').failures == ()


MISTAKES = [
    ('on = "stripe"', 'on = "strype"', "[[faults]] 1, on: unknown place 'strype'; did you mean"),
    ('on = "stripe"', 'on = "process wep"', "[[faults]] 1, on: unknown process 'wep'"),
    ('on = "stripe"', 'on = "stripe a"', "expected one of stripe, postgres, redis, process"),
    ('"lost_answer"', '"crash"', "[[faults]] 1, kind: unknown kind of fault on stripe 'crash'"),
    ("at_most = 1", "at_most = 0", "[[faults]] 1, at_most"),
    ("sql = ", 'request = "POST /x"\nsql = ', "[[recover]] 1: expected one of sql, command and"),
    ("{order}", "{ordr}", "[[recover]] 1, sql, item 1: unknown placeholder 'ordr'"),
    ('"POST /jobs/sweep"', '"/jobs/sweep"', "[[recover]] 2, request: expected a method and a"),
    ('request = "POST /jobs/sweep"', "json = {}", "[[recover]] 2: expected one of sql, command"),
    ("rounds = 3", "rounds = 0", "[recovery], rounds"),
    ("{ status = 409, json", "{ status = '4XXX', json", "[recovery], later, status"),
]


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_a_mistake_names_table_key_and_expectation(tmp_path, old, new, said):
    text = failures()
    assert old in text
    with pytest.raises(UsageError) as told:
        load_target(write(tmp_path, example() + text.replace(old, new, 1)))
    assert said in str(told.value)


def test_a_choice_knows_its_faults():
    assert FailureChoice("process", "crash").means(Crash("web"))
    assert FailureChoice("process web", "crash").means(Crash("web"))
    assert not FailureChoice("process web", "crash").means(Crash("worker"))
    assert FailureChoice("postgres", "40001").means(ErrorAnswer("40001"), "postgres")
    assert not FailureChoice("postgres", "lost_answer").means(LostAnswer(), "redis")
    assert kinds_on("process web") == ("crash",)
    assert {"no_contact", "lost_answer", "40001", "57P01"} <= set(kinds_on("postgres"))
    assert kinds_on("elsewhere") == ()
