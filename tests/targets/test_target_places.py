"""Placeholders in texts that have braces of their own."""

from __future__ import annotations

import pytest

from paidonce.harness.targets.file.placeholders import as_sql, filled

VALUES = {"order": 7}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("/orders/{order}/pay", "/orders/7/pay"),
        ('{{"id": {order}}}', '{"id": 7}'),
        ("{{order}}", "{order}"),
        ("mutation{a(x:{y:{z:1}){b{id c}}}", "mutation{a(x:{y:{z:1}){b{id c}}}"),
        ('{"a": {"b": {"id": {order}}}}', '{"a": {"b": {"id": 7}}}'),
        ("a }} b", "a } b"),
    ],
)
def test_braces_that_are_written_once_are_sent_as_written(text, sent):
    assert filled(text, VALUES, "here") == sent


def test_a_query_that_is_read_has_parameters_without_a_value():
    query = "SELECT 1 FROM p WHERE o = {order} AND n = {n} AND x = {order} AND y = '{{}}'"
    assert as_sql(query) == "SELECT 1 FROM p WHERE o = $1 AND n = $2 AND x = $1 AND y = '{}'"
