"""Footprints of SQL say never too little: asked of a real server."""

from __future__ import annotations

import random

import psycopg
import pytest
from hard_cases import HARD, ORDERS
from real_swaps import check_swaps
from shop import SCHEMA, program

from paidonce.harness.explore.footprint.sql.catalog import Catalog
from paidonce.harness.explore.footprint.sql.catalog_reader import read_catalog

PROGRAMS = [range(60), pytest.param(range(60, 260), marks=pytest.mark.slow)]


@pytest.fixture
def shop(explore_url: str) -> tuple[str, Catalog]:
    with psycopg.connect(explore_url, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
    return explore_url, read_catalog(explore_url)


@pytest.mark.parametrize("numbers", PROGRAMS, ids=str)
def test_steps_that_are_said_to_commute_do(shop: tuple[str, Catalog], numbers: range) -> None:
    programs = [(program(random.Random(number), ("a", "b")), number) for number in numbers]
    assert check_swaps(*shop, programs) > len(programs) / 4


def test_hard_cases(shop: tuple[str, Catalog]) -> None:
    for name, scripts in HARD.items():
        try:
            if name in ORDERS:
                check_swaps(*shop, [(scripts, 0)], ORDERS[name])
            check_swaps(*shop, [(scripts, number) for number in range(4)])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
