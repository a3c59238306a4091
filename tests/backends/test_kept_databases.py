"""The folder of kept databases: what is found there is whole, of the same, and not too old."""

from __future__ import annotations

import gzip
import os
import stat
import time

import pytest

from paidonce.harness.backends import kept_databases as module
from paidonce.harness.backends.cluster_archive import (
    DamagedArchive,
    NoArchive,
    unpack_archive,
    write_archive,
)
from paidonce.harness.backends.kept_databases import (
    KeptDatabases,
    KeptNotes,
    MigrationInputs,
    cache_folder,
)
from paidonce.harness.cli.doctor import kept_lines
from paidonce.harness.errors import Unavailable

ONE = MigrationInputs("shop.toml", {"file schema.sql": "1", "variable SEED": "7"})


class FakeServer:
    """Writes the archive of a folder, as a server does that has ended."""

    def __init__(self, data, most=None):
        self.data = data
        self.most = most

    def pack(self, archive, notes):
        write_archive(archive, self.data, notes)
        if self.most is not None:  # the run is killed here
            archive.write_bytes(archive.read_bytes()[: self.most])
            raise KeyboardInterrupt


@pytest.fixture
def data(tmp_path):
    """A folder such as a server's."""
    folder = tmp_path / "data"
    (folder / "pg_tblspc").mkdir(parents=True)
    (folder / "base" / "1").mkdir(parents=True)
    (folder / "base" / "1" / "1259").write_bytes(os.urandom(100_000))
    (folder / "postmaster.pid").write_text("17")
    return folder


def notes(inputs=ONE, made=None, until=None):
    now = time.time()
    return KeptNotes(
        origin=inputs.origin,
        name="template",
        made=made or now,
        until=until or now + 60,
        seconds=61.0,
        parts=dict(inputs.parts),
    )


@pytest.fixture
def kept(tmp_path):
    """An empty folder of kept databases."""
    return KeptDatabases(tmp_path / "kept")


def test_what_is_kept_is_found_and_the_same(kept, data, tmp_path):
    kept.keep(ONE, FakeServer(data), notes())
    found = kept.find(ONE)
    assert found is not None
    assert found.notes.name == "template"
    unpack_archive(found.path, tmp_path / "again")
    copied = tmp_path / "again" / "base" / "1" / "1259"
    assert copied.read_bytes() == (data / "base" / "1" / "1259").read_bytes()
    assert not (tmp_path / "again" / "postmaster.pid").exists()
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "again").rglob("*")} == {
        0o600,
        0o700,
    }


def test_only_its_owner_reads_what_is_kept(kept, data):
    kept.keep(ONE, FakeServer(data), notes())
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept.find(ONE).path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_not_used(tmp_path, mode):
    """A server of ours would run what they put there."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(Unavailable, match=f"chmod 700 {folder}"):
        KeptDatabases(folder)
    assert f"chmod 700 {folder}" in kept_lines(folder)[0]
    folder.chmod(0o700)
    KeptDatabases(folder)


def test_nor_is_one_of_another_user(tmp_path, monkeypatch):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(module.os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(Unavailable, match="another user's"):
        KeptDatabases(folder)


@pytest.mark.parametrize(
    "other",
    [
        MigrationInputs(ONE.origin, {"file schema.sql": "2", "variable SEED": "7"}),
        MigrationInputs(ONE.origin, {"file schema.sql": "1"}),
        MigrationInputs(ONE.origin, {**ONE.parts, "file more.sql": "1"}),
        MigrationInputs("other.toml", ONE.parts),
    ],
)
def test_what_was_made_of_something_else_is_not_found(kept, data, other):
    kept.keep(ONE, FakeServer(data), notes())
    assert kept.find(other) is None
    assert kept.find(ONE) is not None


def test_what_differs_is_told_by_name():
    other = {"file schema.sql": "2", "file more.sql": "1"}
    assert ONE.differing(other) == ["file more.sql", "file schema.sql", "variable SEED"]


def test_fresh_finds_nothing_and_takes_the_place_of_what_was_there(kept, data, tmp_path):
    kept.keep(ONE, FakeServer(data), notes(made=time.time() - 9))
    again = KeptDatabases(kept.folder, fresh=True)
    assert again.find(ONE) is None
    made = time.time()
    again.keep(ONE, FakeServer(data), notes(made=made))
    assert kept.find(ONE).notes.made == made
    assert len(kept.all()) == 1


@pytest.mark.parametrize("most", [0, 100, 50_000, -1])
def test_what_a_run_that_was_killed_leaves_is_never_found(kept, data, most):
    with pytest.raises(KeyboardInterrupt):
        kept.keep(ONE, FakeServer(data, most), notes())
    assert kept.find(ONE) is None
    assert kept.all() == []


@pytest.mark.parametrize("cut", [20, 60_000, -4, -1])
def test_what_is_cut_off_is_noticed(kept, data, tmp_path, cut):
    kept.keep(ONE, FakeServer(data), notes())
    path = kept.find(ONE).path
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedArchive):
        unpack_archive(path, tmp_path / "again")


def test_what_was_changed_on_the_disk_is_noticed(kept, data, tmp_path):
    kept.keep(ONE, FakeServer(data), notes())
    path = kept.find(ONE).path
    plain = bytearray(gzip.decompress(path.read_bytes()))
    content = bytearray(path.read_bytes())
    assert len(plain) > 100_000
    content[-3] ^= 1  # of the length of what was packed (RFC 1952, 2.3.1)
    path.write_bytes(content)
    with pytest.raises(DamagedArchive):
        unpack_archive(path, tmp_path / "again")


def test_a_file_that_is_none_of_ours_is_removed_and_not_found(kept, data):
    kept.keep(ONE, FakeServer(data), notes())
    path = kept.find(ONE).path
    path.write_text("something else")
    assert kept.find(ONE) is None
    assert not path.exists()


@pytest.mark.parametrize(("made", "until"), [(-90, -1), (3600, 7200)])
def test_what_is_too_old_or_of_tomorrow_is_not_found(kept, data, made, until):
    now = time.time()
    kept.keep(ONE, FakeServer(data), notes(made=now + made, until=now + until))
    assert kept.find(ONE) is None
    assert kept.all() == []


def numbered(number):
    return MigrationInputs("shop.toml", {"file schema.sql": str(number)})


def test_the_number_that_is_kept_is_bounded_and_what_was_used_last_stays(kept, data, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    for number in range(5):
        kept.keep(numbered(number), FakeServer(data), notes(numbered(number)))
        for other in range(number + 1):  # the clock of a file system may stand for a while
            if found := kept.find(numbered(other)):
                os.utime(found.path, (0, time.time() - 100 + (other if other else 50)))
    assert [n for n in range(5) if kept.find(numbered(n))] == [0, 3, 4]


def test_the_size_of_what_is_kept_is_bounded(kept, data, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 250_000)
    for number in range(5):
        kept.keep(numbered(number), FakeServer(data), notes(numbered(number)))
    assert len(kept.all()) == 2


def test_what_was_abandoned_long_ago_is_removed(kept, data):
    part = kept.folder / "one.tar.gz.17-00.part"
    part.write_text("half")
    os.utime(part, (0, 0))
    fresh = kept.folder / "two.tar.gz.18-00.part"
    fresh.write_text("half, and being written")
    kept.keep(ONE, FakeServer(data), notes())
    assert not part.exists()
    assert fresh.exists()


def test_the_latest_of_a_target_is_found_by_its_name(kept, data):
    kept.keep(numbered(1), FakeServer(data), notes(numbered(1), made=time.time() - 50))
    kept.keep(numbered(2), FakeServer(data), notes(numbered(2), made=time.time() - 90))
    assert kept.latest("shop.toml").notes.parts == {"file schema.sql": "1"}
    assert kept.latest("other.toml") is None


def test_a_folder_with_files_elsewhere_is_not_kept(kept, data):
    (data / "pg_tblspc" / "16385").symlink_to(data)
    with pytest.raises(NoArchive, match="it has tablespaces"):
        kept.keep(ONE, FakeServer(data), notes())
    assert kept.find(ONE) is None


def test_the_webhook_secret_is_the_same_in_every_run(kept, tmp_path):
    secret = kept.webhook_secret()
    assert secret.startswith("whsec_")
    assert KeptDatabases(kept.folder).webhook_secret() == secret
    assert stat.S_IMODE((kept.folder / "webhook-secret").stat().st_mode) == 0o600
    assert KeptDatabases(tmp_path / "another").webhook_secret() != secret


def test_they_are_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "paidonce" / "databases"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "paidonce" / "databases"


def test_the_doctor_names_them(kept, data, tmp_path):
    folder = kept.folder
    assert kept_lines(tmp_path / "none") == [
        f"Migrated databases that are kept: none (in {tmp_path / 'none'})"
    ]
    assert not (tmp_path / "none").exists()
    kept.keep(ONE, FakeServer(data), notes(made=1e9, until=4e9))
    head, line, remedy = kept_lines(folder)
    assert head == f"Migrated databases that are kept: 1, 0 MB, in {folder}"
    assert line.startswith("  shop.toml: made at 2001-09-0")
    assert " in 61 s, until 2096-10-0" in line
    assert "--fresh" in remedy
