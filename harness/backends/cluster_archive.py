"""A data folder of a PostgreSQL server that has ended in good order, in one file and back.

The file is a tar archive under gzip: notes of ours first, so that they can be read alone, then the
folder. Gzip ends with a checksum (RFC 1952, 2.3.1), so what was cut off or changed is noticed.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from paidonce.harness.errors import PaidonceError

_NOTES = "kept.json"
_DATA = "data"
_LEFT_OUT = {"postmaster.pid", "postmaster.opts"}
_ERRORS = (OSError, EOFError, tarfile.TarError, zlib.error)
_CHUNK = 1 << 20


class DamagedArchive(PaidonceError):
    """A file that is no whole archive, or none of ours."""


class NoArchive(PaidonceError):
    """A folder cannot be put into an archive: no room for it, or it has files elsewhere."""


def write_archive(path: Path, data: Path, notes: bytes) -> None:
    """Write the folder ``data`` of a server that has ended, and ``notes``, into the new ``path``.

    Raises ``NoArchive``; ``path`` may be there in part then.
    """
    if any((data / "pg_tblspc").iterdir()):  # links, to tablespaces (manual, 66.1)
        raise NoArchive("it has tablespaces, which are in other folders")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with (
            os.fdopen(descriptor, "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive,
        ):
            first = tarfile.TarInfo(_NOTES)
            first.size = len(notes)
            archive.addfile(first, io.BytesIO(notes))
            archive.add(
                data,
                _DATA,
                filter=lambda member: None if Path(member.name).name in _LEFT_OUT else member,
            )
    except OSError as error:
        raise NoArchive(f"{path} cannot be written: {error.strerror}") from None


def read_notes(path: Path) -> bytes:
    """Return the notes of an archive. Raises ``DamagedArchive``."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            first = archive.next()
            found = None if first is None or first.name != _NOTES else archive.extractfile(first)
            if found is None:
                raise DamagedArchive(f"{path} has no notes of ours")
            return found.read()
    except _ERRORS as error:
        raise DamagedArchive(f"{path} cannot be read: {error}") from None


def unpack_archive(path: Path, data: Path) -> None:
    """Make the folder ``data`` from an archive. Raises ``DamagedArchive``."""
    try:
        with gzip.open(path) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    if member.name != _NOTES:
                        _unpack(archive, member, data)
            while stream.read(_CHUNK):  # to its end, where the checksum is compared
                pass
    except _ERRORS as error:
        raise DamagedArchive(f"{path} cannot be unpacked: {error}") from None


def _unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, data: Path) -> None:
    parts = PurePosixPath(member.name).parts
    if not parts or parts[0] != _DATA or ".." in parts:
        raise DamagedArchive(f"an archive names {member.name!r}, which is in no data folder")
    target = data.joinpath(*parts[1:])
    if member.isdir():
        target.mkdir(mode=0o700)
        return
    content: IO[bytes] | None = archive.extractfile(member) if member.isfile() else None
    if content is None:
        raise DamagedArchive(f"an archive has {member.name!r}, which is neither file nor folder")
    with target.open("xb") as file:
        target.chmod(0o600)
        while chunk := content.read(_CHUNK):
            file.write(chunk)
