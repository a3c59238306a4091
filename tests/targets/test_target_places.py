"""Placeholders in texts that have braces of their own."""

from __future__ import annotations

import pytest

from paidonce.harness.targets.file.placeholders import filled

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
