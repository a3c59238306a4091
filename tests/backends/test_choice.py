"""What ``--backends`` and the single options come to."""

from __future__ import annotations

import pytest

from paidonce.harness.backends.choice import PRESETS, Choice, choice_of, choices_of
from paidonce.harness.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Choice()),
        ("embedded", Choice()),
        ("container", Choice("container", "container", "stripe-mock-container")),
        ("container,stripe=simulator", Choice("container", "container", "simulator")),
        ("stripe=simulator,container", Choice("container", "container", "stripe-mock-container")),
        ("localstripe,redis=container", Choice("embedded", "container", "localstripe")),
        (
            "postgres=postgresql://a@h1:1,h2:2/d?application_name=x,y,stripe=http://h",
            Choice("postgresql://a@h1:1,h2:2/d?application_name=x,y", "embedded", "http://h"),
        ),
    ],
)
def test_a_set_of_backends_by_name_and_by_role(text: str | None, expected: Choice) -> None:
    assert choice_of(text) == expected


def test_a_single_option_goes_before_a_set() -> None:
    assert choice_of("container", stripe="simulator") == Choice("container", "container")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("docker", r"--backends: 'docker' is not known; expected one of embedded, container, "),
        ("embedded,", r"--backends: 'embedded,' is not known"),
        ("mysql=embedded", r"or postgres=\.\.\., redis=\.\.\., stripe=\.\.\., joined by commas"),
        ("postgres=conteiner", r"postgres backend 'conteiner' is not known; expected one of emb"),
        ("stripe=", r"stripe backend '' is not known"),
    ],
)
def test_what_is_not_understood_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choice_of(text)


def test_a_label_names_what_is_not_usual_and_no_password() -> None:
    for name, choice in PRESETS.items():
        assert choice.label == name
    url = choice_of("postgres=postgresql://me:secret@db:5432/x,redis=redis://:hush@r:1")
    assert url.label == "postgres=postgresql://me:***@db:5432/x,redis=redis://:***@r:1"
    assert url.slug == "postgres=postgresql_me_db_5432_x_redis=redis_r_1"


def test_several_sets_are_all_wanted_and_each_once() -> None:
    assert choices_of(None) == (Choice(),)
    assert choices_of(["embedded", "stripe-mock"], redis="container") == (
        Choice(redis="container"),
        Choice(redis="container", stripe="stripe-mock"),
    )
    with pytest.raises(UsageError, match=r"--backends: embedded was given more than once"):
        choices_of(["embedded", "stripe=simulator"])


def test_lanes_that_would_empty_each_others_redis_or_stripe_are_one_lane() -> None:
    assert Choice().lanes(4) == 4
    assert choice_of("container").lanes(4) == 4
    assert Choice(postgres="postgresql://h/d").lanes(4) == 4
    assert Choice(redis="redis://h").lanes(4) == 1
    assert Choice(stripe="http://h").lanes(4) == 1
