"""One Docker container of ours, by way of testcontainers, published on 127.0.0.1 only.

We remove every container ourselves, and should we die first, our guardian does.
testcontainers' own reaper (Ryuk) is not started, because it would publish a port of its own on
every interface of the machine, by which containers can be removed; whoever wants it all the same
sets ``TESTCONTAINERS_RYUK_DISABLED=false``.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import docker
from docker.errors import DockerException, NotFound
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException

from paidonce.harness.backends.base import STAND_IN
from paidonce.harness.errors import DeadlineExceeded, Unavailable
from paidonce.harness.process import modules
from paidonce.harness.process.custody import custody
from paidonce.harness.process.ports import HOST

T = TypeVar("T")

STAND_IN_LABEL = "paidonce.stand-in"
"""Carried by images built locally in place of official ones; a report says so."""
ENGINE_SECONDS = 5
_CAUSE = re.compile(r"Error\(\d+, '([^']+)'\)")
"""The operating system's words within the SDK's nested ones."""
_RYUK_VARIABLE = "TESTCONTAINERS_RYUK_DISABLED"
_RYUK_PROPERTY = "ryuk.disabled"
_PROBE_SECONDS = 0.05
_RUN_SECONDS = 30.0
_REMEDY = "Start Docker, or choose another backend"

if _RYUK_VARIABLE not in os.environ and _RYUK_PROPERTY not in testcontainers_config.tc_properties:
    testcontainers_config.ryuk_disabled = True


def engine_version() -> str:
    """The version of the Docker engine that answers. Raises ``Unavailable`` when none does."""
    try:
        client = docker.from_env(timeout=ENGINE_SECONDS)
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except (DockerException, OSError) as error:
        address = os.environ.get("DOCKER_HOST") or "the usual address"
        cause = _CAUSE.search(str(error))
        why = cause.group(1) if cause else _short(error)
        problem = f"no Docker engine answers at {address} ({why})"
        raise Unavailable("docker", problem, _REMEDY) from None


class Container:
    """A started container; ``port`` is where 127.0.0.1 leads to its ``inner_port``.

    ``image`` is pulled if it is not there. Raises ``Unavailable`` when no engine answers, or
    when the image cannot be got or started.
    """

    def __init__(
        self,
        image: str,
        inner_port: int,
        *,
        environment: Mapping[str, str] | None = None,
        command: str | None = None,
    ) -> None:
        engine_version()
        self.image = image
        self._lock = threading.Lock()
        self._stopped = False
        self._ticket: str | None = None
        name = f"paidonce-{secrets.token_hex(6)}"
        try:
            self._container = DockerContainer(image, command=command, env=dict(environment or {}))
            self._container.with_name(name)
            # The pair is the Docker SDK's way of naming the host's address; testcontainers' own
            # with_exposed_ports publishes on every interface of the machine.
            ports: dict[str, Any] = self._container.ports
            ports[f"{inner_port}/tcp"] = (HOST, None)
            # By its name, and before there is one: we may be killed while it is being made.
            self._ticket = custody.add_command(_removal(name))
            self._container.start()
            self.stand_in = STAND_IN_LABEL in self._labels()
            self.port = self.wait_for("run", lambda: self._published(inner_port), _RUN_SECONDS)
        except (DockerException, OSError, ContainerStartException) as error:
            self.stop()
            problem = f"image {image} could not be started ({_short(error)})"
            remedy = "See whether the image can be pulled, or choose another backend"
            raise Unavailable("docker", problem, remedy) from None
        except BaseException:
            self.stop()
            raise

    @property
    def id(self) -> str:
        """The container's id."""
        return str(self._container.get_wrapped_container().id)

    def named(self, version: str) -> str:
        """``version`` as reports show it: with a remark where the image is a stand-in."""
        return f"{version} ({STAND_IN})" if self.stand_in else version

    def wait_for(self, what: str, probe: Callable[[], T | None], seconds: float) -> T:
        """Call ``probe`` until it answers something other than None, and return that.

        Raises ``Unavailable`` with the container's log when it has ended, and
        ``DeadlineExceeded`` after ``seconds``.
        """
        deadline = time.monotonic() + seconds
        while True:
            answer = probe()
            if answer is not None:
                return answer
            status = self._status()
            if status in ("exited", "dead", "removing", "gone"):
                problem = f"the container of {self.image} {status}: {self.tail()}"
                raise Unavailable("docker", problem, "See its log above")
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"the container of {self.image} to {what}", seconds)
            time.sleep(_PROBE_SECONDS)

    def tail(self) -> str:
        """The last lines of its log."""
        try:
            log: bytes = self._container.get_wrapped_container().logs(tail=12)
        except (DockerException, ContainerStartException):
            return "(no log)"
        return log.decode(errors="replace").strip()

    def stop(self) -> None:
        """Remove it with its volumes; idempotent."""
        with self._lock:
            if self._stopped:
                return
            container = getattr(self, "_container", None)
            try:
                if container is not None:
                    container.stop()
            except NotFound:
                pass  # somebody, or testcontainers' reaper, was quicker
            except DockerException:
                return  # the engine is away: the guardian tries once more at our end
            self._stopped = True
            if self._ticket is not None:
                custody.forget(self._ticket)

    def _labels(self) -> dict[str, str]:
        labels: dict[str, str] = self._container.get_wrapped_container().labels
        return labels

    def _published(self, inner_port: int) -> int | None:
        wrapped = self._container.get_wrapped_container()
        wrapped.reload()
        bindings = wrapped.ports.get(f"{inner_port}/tcp")
        return int(bindings[0]["HostPort"]) if bindings else None

    def _status(self) -> str:
        try:
            wrapped = self._container.get_wrapped_container()
            wrapped.reload()
            return str(wrapped.status)
        except NotFound:
            return "gone"
        except DockerException as error:
            problem = f"the Docker engine went away ({_short(error)})"
            raise Unavailable("docker", problem, _REMEDY) from None


def _removal(container: str) -> list[str]:
    return modules.command("paidonce.harness.backends.container_removal", container)[0]


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
