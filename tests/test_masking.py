"""What is shown of a text with credentials in it."""

from __future__ import annotations

import pytest

from paidonce.harness.masking import (
    command_line,
    without_credentials,
    without_password_of,
    without_secrets_of,
    word_without_credentials,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://shop:pw@db:5432/shop", "postgresql://shop:***@db:5432/shop"),
        ("redis://:pw@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
        ("at postgresql://a:p@ss@db/x, or", "at postgresql://a:***@db/x, or"),
        ("'postgresql+psycopg://a:p%40@db/x'", "'postgresql+psycopg://a:***@db/x'"),
        ("http://127.0.0.1:8000/pay?to=a@b", "http://127.0.0.1:8000/pay?to=a@b"),
        ("host=db password=pw user=shop", "host=db password=*** user=shop"),
        ("host=db password='p w' user=shop", "host=db password=*** user=shop"),
        (
            "postgresql://db/x?user=a&password=pw&ssl=1",
            "postgresql://db/x?user=a&password=***&ssl=1",
        ),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ('{"authorization": "Basic YTpi"}', '{"authorization": "Basic ***"}'),
        ("key sk_test_4eC39HqLyjWDarjt", "key sk_test_***"),
        ("sk_org_live_4eC39HqLyjWDarjt", "sk_org_live_***"),
        ("whsec_4eC39HqLyjWDarjtT1zd", "whsec_***"),
        ("any test key, such as sk_test_paidonce", "any test key, such as sk_test_paidonce"),
        ("passed 3 of 3", "passed 3 of 3"),
    ],
)
def test_credentials_are_masked_where_they_stand_and_nothing_else_is(text, shown):
    assert without_credentials(text) == shown
    assert without_credentials(shown) == shown, "once is as good as twice"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:secret@h:1/0", "redis://u:***@h:1/0"),
        ("redis://:secret@h", "redis://:***@h"),
        ("redis://u@h/0", "redis://u@h/0"),
        ("postgresql://u:s@e@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:s[e@h/db?password=pw", "postgresql://u:***@h/db?password=***"),
    ],
)
def test_passwords_of_urls_are_not_shown(url, shown):
    assert word_without_credentials(url) == shown


def test_what_others_say_of_a_url_is_shown_without_its_password():
    said = 'invalid percent-encoded token: "p%zw"'
    assert without_password_of("postgresql://a:p%zw@db", said) == said.replace("p%zw", "***")
    assert without_password_of("postgresql://db?password=p%zw", said) == said.replace("p%zw", "***")
    assert without_password_of("postgresql://a@db", said) == said


def test_a_command_is_shown_without_the_password_of_a_url():
    shown = command_line(["prove", "--postgres=postgresql://a:pw@db", "--redis", "redis://:pw@db"])
    assert shown == "paidonce prove '--postgres=postgresql://a:***@db' --redis 'redis://:***@db'"


@pytest.mark.parametrize("end", ["'", '"', " ", "#", "/", "?", "@", ":", "\n"])
def test_so_is_one_whose_password_holds_what_ends_one_in_a_text(end):
    word = f"--postgres=postgresql://a:p{end}w@db:5432/shop"
    assert command_line([word]) == "paidonce '--postgres=postgresql://a:***@db:5432/shop'"


def test_values_of_variables_that_are_secret_by_name_are_masked():
    environ = {
        "SMTP_PASSWORD": "correct horse",
        "SIGNING_KEY": "correct horse battery",
        "API_TOKEN": "short",
        "KEYBOARD": "qwertz",
        "DATABASE_URL": "postgresql://a:pw@db",
    }
    said = "correct horse battery, correct horse, short, qwertz, postgresql://a:pw@db"
    shown = "***, ***, short, qwertz, postgresql://a:***@db"
    assert without_secrets_of(environ, said) == shown
