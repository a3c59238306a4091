"""Rules for answers: statuses and what an answer must hold."""

from __future__ import annotations

import re
from typing import Any

from paidonce.harness.http.client import Answer
from paidonce.harness.targets.file.captures import BadCapture, at_path, check_path
from paidonce.harness.targets.file.error_at import At
from paidonce.harness.targets.file.format import RuleTable, Status

_CLASS = re.compile(r"[1-5]xx", re.IGNORECASE)


def bad_status(wanted: Status) -> str | None:
    """Return what is wrong with a status, or nothing."""
    for one in wanted if isinstance(wanted, tuple) else (wanted,):
        fine = 100 <= one <= 599 if isinstance(one, int) else bool(_CLASS.fullmatch(one))
        if not fine:
            return f"expected a status like 200 or '2xx', got {one!r}"
    return None


def has_status(wanted: Status, status: int) -> bool:
    """Return whether ``status`` is one of those wanted."""
    for one in wanted if isinstance(wanted, tuple) else (wanted,):
        if one == status if isinstance(one, int) else int(one[0]) == status // 100:
            return True
    return False


def meets(rule: RuleTable, answer: Answer) -> bool:
    """Return whether all that the rule says is true of the answer."""
    if rule.status is not None and not has_status(rule.status, answer.status):
        return False
    if any(at_path(path, answer.body) != wanted for path, wanted in rule.json.items()):
        return False
    for name, regex in rule.headers.items():
        if not re.search(regex, answer.headers.get(name.lower(), "")):
            return False
    text = answer.body.decode("utf-8", "replace")
    if rule.body is not None and not re.search(rule.body, text):
        return False
    return rule.not_body is None or not re.search(rule.not_body, text)


def rules_of(rule: RuleTable | tuple[RuleTable, ...]) -> tuple[RuleTable, ...]:
    """One rule or several as several."""
    return rule if isinstance(rule, tuple) else (rule,)


def empty(rule: RuleTable) -> bool:
    """Return whether the rule says nothing."""
    said: tuple[Any, ...] = (rule.status, rule.json, rule.body, rule.not_body, rule.headers)
    return not any(part not in (None, {}) for part in said)


def check_rule(at: At, rule: RuleTable) -> None:
    """Raises ``UsageError`` where a rule says nothing, or what cannot be meant."""
    if empty(rule):
        at.fail("says nothing of the answer: give status, json, body, not_body or headers")
    if rule.status is not None and (wrong := bad_status(rule.status)):
        (at / "status").fail(wrong)
    for path in rule.json:
        try:
            check_path(path)
        except BadCapture as error:
            (at / "json").fail(str(error))
    for key, text in (("body", rule.body), ("not_body", rule.not_body)):
        if text is not None:
            (at / key).regex(text)
    for name, text in rule.headers.items():
        (at / f"headers, {name}").regex(text)
