"""Commands of a target file that are run to their end: by recovery, or as a step of an attempt."""

from __future__ import annotations

import asyncio
import shlex
import threading
from collections.abc import Callable, Mapping

from paidonce.harness.targets.file.format import Command
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.run import launch as starting
from paidonce.harness.testbed.bench import Bench


class CommandLine:
    """A command as it is run on a bench: its words, and what it is told."""

    def __init__(
        self,
        bench: Bench,
        loaded: Loaded,
        command: Command,
        values: Mapping[str, str | int],
        where: str,
    ) -> None:
        places = starting.places(loaded, bench.variant, bench.addresses)
        known = {**{name: str(value) for name, value in values.items()}, **places, "port": ""}
        own = loaded.file.process[0].env if loaded.file.process else {}
        variant, controlled = bench.variant, bench.controlled
        self.argv = starting.argv_of(command, known, where)
        env = starting.environment(loaded, variant, known, own, controlled=controlled)
        self._env = starting.whole(env, bench.addresses)
        self._folder = loaded.folder

    @property
    def words(self) -> str:
        """It as a person would write it."""
        return shlex.join(self.argv)

    def run(
        self,
        within_s: float,
        called_off: threading.Event | None = None,
        begun: Callable[[int], None] | None = None,
    ) -> None:
        """Run it to its end; ``begun`` is told its process.

        Raises ``ChildFailed``, ``DeadlineExceeded`` and ``CalledOff``.
        """
        starting.run(self.words, self.argv, self._folder, self._env, within_s, called_off, begun)


async def run_beside(bench: Bench, command: CommandLine, within_s: float) -> None:
    """Run a command while the service is at work: its process counts among the service's.

    Raises ``ChildFailed`` and ``DeadlineExceeded``.
    """
    called_off, begun = threading.Event(), set[int]()

    def note(pid: int) -> None:
        begun.add(pid)
        bench.one_offs.pids.add(pid)
        bench.one_offs.starting -= 1

    bench.one_offs.starting += 1
    try:
        await asyncio.to_thread(command.run, within_s, called_off, note)
    finally:
        called_off.set()
        if begun:
            bench.one_offs.pids -= begun
        else:
            bench.one_offs.starting -= 1
