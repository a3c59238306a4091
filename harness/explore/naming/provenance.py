"""Who made which values, as what crosses the taps tells: names are given after their makers."""

from __future__ import annotations

from paidonce.harness.explore.naming.names import Names
from paidonce.harness.taps.gate import Call
from paidonce.harness.taps.postgres import Statement, Unit
from paidonce.harness.taps.stripe.calls import StripeCall


def sent(names: Names, actor: str, call: Call) -> None:
    """``actor`` sends a unit: what is new in it, it has made up."""
    if isinstance(call, Unit):
        for statement in call.statements:
            names.made(actor, statement.sql)
            for value in statement.params:
                if value is not None:
                    names.made(actor, value)
    elif isinstance(call, StripeCall):
        for text in (call.path, call.idempotency_key or "", *call.params.values()):
            names.made(actor, text)


def created(names: Names, actor: str, call: Call) -> None:
    """``actor`` is answered: what did not exist before is its own."""
    if isinstance(call, StripeCall):
        if call.method != "GET":
            names.made(actor, call.answer_text)
    elif isinstance(call, Unit) and _creates(call):
        for row in call.answer.sample:
            if len(call.statements) == 1:
                names.inserted(actor, call.statements[0].sql, call.answer.columns, row)
            for value in row:
                if value is not None:
                    names.made(actor, value)


def looked_at(names: Names, call: Call) -> None:
    """What an answer tells that existed before may be anybody's."""
    if isinstance(call, StripeCall):
        if call.method == "GET":
            names.found(call.answer_text)
    elif isinstance(call, Unit) and not _creates(call):
        for row in call.answer.sample:
            for value in row:
                if value is not None:
                    names.found(value)
    if isinstance(call, Unit) and call.answer.rows > len(call.answer.sample):
        names.overlooked()


def _creates(call: Unit) -> bool:
    """Whether what the unit is answered did not exist before."""
    return all(map(_inserts, call.statements))


def _inserts(statement: Statement) -> bool:
    words = statement.sql.upper()
    return words.lstrip().startswith("INSERT") and "ON CONFLICT" not in words
