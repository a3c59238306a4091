"""Every command that runs a target begins with the database that is kept, not check alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from paidonce.harness.backends.choice import Choice
from paidonce.harness.backends.kept_databases import cache_folder
from paidonce.harness.backends.shared import THROWN_AWAY_VARIABLE
from paidonce.harness.cli import explore_search, exploring, predicting, replaying, stepping
from paidonce.harness.cli.playable import named
from paidonce.harness.pytest_plugin import playing
from paidonce.harness.targets import load_target
from paidonce.harness.targets.run.kept_for_tests import kept_for_tests

TARGET = """
name = "shop"
[[process]]
command = "shop {port}"
[database]
migrate = ["migrate {postgres_url}"]
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = "GET /"
[success]
status = 200
[observe.kept]
sql = "SELECT 1"
[[invariants]]
name = "kept"
check = "kept == 1"
[taps]
need = []
"""


class Seen(Exception):
    """Ends a command once it opens a stack, with what it opens it by."""


@pytest.fixture
def target(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "target.toml"
    path.write_text(TARGET)
    return path


@pytest.mark.parametrize("fresh", [False, True])
def test_a_search_and_a_prediction_know_where_databases_are_kept(
    target, tmp_path, monkeypatch, fresh
):
    def searching(playable, request, choice, kept, folder, first, early):
        raise Seen(kept)

    def built(playable, choice, kept, folder, lanes=0):
        raise Seen(kept)

    for module, command, opens in (
        (explore_search, exploring.explore_command, searching),
        (predicting, predicting.predict_command, built),
    ):
        monkeypatch.setattr(module, opens.__name__, opens)
        with pytest.raises(Seen) as seen:
            command(str(target), fresh=fresh, jobs=1, out=tmp_path / module.__name__)
        (kept,) = seen.value.args
        assert kept.folder == cache_folder()
        assert kept.fresh is fresh


def test_so_does_what_replays_a_witness(target, monkeypatch):
    playable = named(str(target), None)
    assert playable.kept(Choice()).folder == cache_folder()
    assert playable.kept(Choice(postgres="postgresql://here/")) is None
    assert named("two_tabs", None).kept(Choice()) is None
    asked = []
    monkeypatch.setattr(
        replaying, "open_stack", lambda subject, choice, **how: asked.append(how) or 1 / 0
    )
    for command in (replaying.replay_command, stepping.step_command):
        for module in (replaying, stepping):
            monkeypatch.setattr(module, "read_witness", lambda path: SimpleNamespace(changed=()))
            monkeypatch.setattr(module, "of_witness", lambda witness, path, guard: playable)
        monkeypatch.setattr(stepping.Teller, "introduce", lambda self, witness, variant: None)
        with pytest.raises(ZeroDivisionError):
            command(target, fresh=True)
        assert asked[-1]["kept"].fresh


def test_a_test_gives_the_runs_server_up_for_a_database_that_is_kept(target, monkeypatch):
    monkeypatch.setenv(THROWN_AWAY_VARIABLE, "postgresql://the-run/")
    loaded = load_target(target)
    shared, given = Choice(postgres="postgresql://the-run/"), Choice(postgres="postgresql://mine/")
    choice, kept = kept_for_tests(loaded, shared)
    assert (choice.postgres, kept.folder) == ("embedded", cache_folder())
    assert kept_for_tests(loaded, given) == (given, None)
    for line in ("# migrate", "keep = false\nmigrate"):
        target.write_text(TARGET.replace("migrate = [", f"{line} = ["))
        assert kept_for_tests(load_target(target), shared) == (shared, None)
    target.write_text(TARGET)
    opened = []
    monkeypatch.setattr(
        playing, "open_stack", lambda subject, choice, **how: opened.append((choice, how))
    )
    play = playing.Play(None, (loaded, None), shared, target.parent)
    playing._opened(play)
    assert opened[0][0].postgres == "embedded"
    assert opened[0][1]["kept"].folder == cache_folder()
