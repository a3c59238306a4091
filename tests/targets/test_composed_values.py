"""Keys composed of an order's number, calculated from it or made up end no search, nor hide a race.

The full search needs no names: what the reduced one says of each kind is held against it.
"""

from __future__ import annotations

import shutil

import pytest
from small_services import HERE, explored

from paidonce.harness.explore.search import Ending

KINDS = (
    *("sha256", "short", "base64", "slug", "padded", "uuid5", "spelt", "composite", "jsonb"),
    *("array", "crc", "md5", "hashtext", "pair", "savepoint", "ulid", "nanoid", "snowflake"),
    *("pin", "word", "invoice"),
)
DEFAULT = ("short", "crc")


def target(folder, variant):
    shutil.copytree(HERE / "composed", folder, dirs_exist_ok=True)
    path = folder / "target.toml"
    sound = "true" if variant.endswith("-sound") else "false"
    table = f"[variants.{variant}]\nsound = {sound}\n"
    path.write_text(path.read_text().replace("VARIANTS\n", table))
    return path


@pytest.mark.parametrize(
    "kind",
    [kind if kind in DEFAULT else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS],
)
@pytest.mark.parametrize("way", ["sound", "racy"])
def test_a_key_of_this_kind_hides_nothing(tmp_path, kind, way):
    variant = f"{kind}-{way}"
    path = target(tmp_path, variant)
    found = explored(path, variant, validation=None)
    wanted = Ending.COMPLETE if way == "sound" else Ending.COUNTEREXAMPLE
    assert found.result.ending is wanted, (found.result.reason, found.notes)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["sound", "racy"])
def test_the_full_search_says_the_same(tmp_path, kind, way):
    variant = f"{kind}-{way}"
    how = {"validation": None, "stop_at_first": False}
    path = target(tmp_path, variant)
    reduced = explored(path, variant, **how).result
    everything = explored(path, variant, search="dfs", **how).result
    assert reduced.ending is everything.ending
    assert {one.status for one in reduced.outcomes} == {one.status for one in everything.outcomes}
