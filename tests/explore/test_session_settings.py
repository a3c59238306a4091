"""What a session asks for when it connects."""

from __future__ import annotations

import pytest

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.session_settings import path_of, settings_asked_for


@pytest.mark.parametrize(
    ("startup", "settings"),
    [
        ({}, {}),
        ({"user": "shop", "search_path": "alt"}, {"user": "shop", "search_path": "alt"}),
        ({"options": "-c search_path=a,b"}, {"search_path": "a,b"}),
        ({"options": "-csearch_path=a --work-mem=5MB"}, {"search_path": "a", "work_mem": "5MB"}),
        (
            {"options": r"-c default_transaction_isolation=repeatable\ read -c x.y=1"},
            {"default_transaction_isolation": "repeatable read", "x.y": "1"},
        ),
        ({"options": "-c search_path=a -c search_path=b -e"}, {"search_path": "b"}),
    ],
)
def test_settings(startup: dict[str, str], settings: dict[str, str]) -> None:
    assert settings_asked_for(startup) == settings


def test_the_path() -> None:
    catalog = Catalog(user="shop")
    assert path_of({}, catalog) is None
    assert path_of({"search_path": '"$user", public'}, catalog) == ("shop", "public")
    assert path_of({"search_path": ""}, catalog) == ()
