"""``python -m paidonce.harness.backends.container_removal ID...``: what the guardian runs for a
container.

The containers are removed by force with their anonymous volumes; one that is gone is fine.
"""

from __future__ import annotations

import contextlib
import sys

from docker.errors import NotFound
from testcontainers.core.docker_client import DockerClient


def remove(containers: list[str]) -> None:
    """Remove each. Raises ``docker.errors.DockerException`` when the engine does not answer."""
    client = DockerClient().client
    try:
        for container in containers:
            with contextlib.suppress(NotFound):
                client.containers.get(container).remove(force=True, v=True)
    finally:
        client.close()


if __name__ == "__main__":
    remove(sys.argv[1:])
