"""``paidonce step``: a witness replayed by hand, a step at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.text import Text

from paidonce.harness.cli import options
from paidonce.harness.cli.patience import patient
from paidonce.harness.cli.playable import Playable, of_witness
from paidonce.harness.cli.replaying import opened_again
from paidonce.harness.explore.control.attempts import At
from paidonce.harness.explore.control.execution import ServiceWorld
from paidonce.harness.explore.control.watcher import WatchedWorlds
from paidonce.harness.explore.search.world import Pending, Taken
from paidonce.harness.explore.witness.annotation import Annotator
from paidonce.harness.explore.witness.file import Witness, read_witness
from paidonce.harness.explore.witness.lenient_replay import Followed, follow
from paidonce.harness.explore.witness.narrative import Wait
from paidonce.harness.explore.witness.narrative import wording as words
from paidonce.harness.explore.witness.narrative.narrate import WITHOUT_A_UNIT
from paidonce.harness.history import Completed, Effect, Event, Invoked
from paidonce.harness.process import event_loop as loop
from paidonce.harness.results.proof import Run
from paidonce.harness.testbed.stack import Choice
from paidonce.harness.verdict import Status
from paidonce.reports.formats import terminal


def step_command(
    path: options.WitnessFile,
    guard: options.OtherVariant = None,
    backends: options.Backends = None,
    postgres: options.Postgres = None,
    redis: options.Redis = None,
    stripe: options.Stripe = None,
    fresh: options.Fresh = False,
) -> int:
    """Replay a witness one step at a time, and see what each step does.

    Enter makes the next step, a and Enter all the rest; q and Enter end it. Where the input is not
    a terminal, all steps are made at once. Where the service goes another way than the witness,
    its schedule is followed as far as that can be. Exit code 1 if the execution is invalid, 0 if
    it is valid, 3 if it was left or could not be judged.
    """
    witness = read_witness(path)
    playable = of_witness(witness, path, guard)
    choice = options.backends(backends, postgres, redis, stripe)
    console = Console(highlight=False, soft_wrap=True)
    pace = Pace(asks=sys.stdin.isatty())
    return loop.run(_step(witness, playable, choice, Teller(console, pace), fresh))


async def _step(
    witness: Witness, playable: Playable, choice: Choice, teller: Teller, fresh: bool
) -> int:
    teller.introduce(witness, playable.variant)
    if teller.pace.asks:
        playable = patient(playable)
    async with opened_again(witness, playable, choice, fresh=fresh) as worlds:
        steps = [step.expected() for step in witness.steps]
        try:
            followed = await follow(WatchedWorlds(worlds, teller), steps)
        except Left:
            teller.say("left before the end; nothing was judged", "yellow")
            return Status.UNKNOWN.exit_code
        world = worlds.last
        assert world is not None
        return teller.conclude(followed, world)


class Left(Exception):
    """The person at the keyboard has seen enough."""


class Pace:
    """The pace of a replay: asks at the keyboard whether to go on, as long as it is to ask."""

    def __init__(self, *, asks: bool) -> None:
        self.asks = asks

    async def wait(self) -> None:
        """Return when the next step is to be made. Raises ``Left``."""
        if not self.asks:
            return
        sys.stdout.write("Enter: next   a: all the rest   q: quit > ")
        sys.stdout.flush()
        match (await _line()).strip().lower():
            case "q" | "quit":
                raise Left
            case "a" | "all":
                self.asks = False
            case _:
                pass


async def _line() -> str:
    """Return a line from the terminal, without keeping the taps from working; ``q`` at its end."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        loop.remove_reader(sys.stdin)
        if not ready.done():
            ready.set_result(sys.stdin.readline() or "q")

    loop.add_reader(sys.stdin, read)
    try:
        return await ready
    finally:
        loop.remove_reader(sys.stdin)


class Teller:
    """A watcher that says before each step who can move, and after it what happened."""

    def __init__(self, console: Console, pace: Pace) -> None:
        self._console = console
        self.pace = pace
        self._number = 0
        self._seen = 0
        self._requests: dict[int, Invoked] = {}
        self._locks = Annotator()
        self._waiting: list[str] = []

    # --- the watcher ------------------------------------------------------------------------

    async def began(self, world: ServiceWorld) -> None:
        self._world = world
        self._seen = len(world.memory.events)
        await self._locks.began(world)

    async def before(self, pending: tuple[Pending, ...], actor: str) -> None:
        await self._locks.before(pending, actor)
        self._number += 1
        self.say("")
        for choice in pending:
            mark = ">" if choice.actor == actor else " "
            self.say(self._fitting(f"{mark} can move: {choice.actor}: {choice.label}"), "dim")
        for line in self._waiting:
            self.say(f"  {line}", "dim")
        await self.pace.wait()
        label = next(one.label for one in pending if one.actor == actor)
        what = f": {label}" if label in WITHOUT_A_UNIT else ""
        self.say(f"step {self._number}: {actor}{what}", "bold")

    async def after(self, taken: Taken) -> None:
        for event in self._world.memory.events[self._seen :]:
            self._show(event)
        self._seen = len(self._world.memory.events)
        for arrival in self._world.control.players[taken.actor].flying:
            call = arrival.call
            self._show_request(call.tap, call.label, call.as_request())
            self.say("    no answer yet", "yellow")
        for name in taken.woken:
            self.say(f"  {name} need not wait any longer; its answer is held")
        await self._locks.after(taken)
        self._waiting = list(self._who_waits())
        for line in self._waiting:
            self.say(f"  {line}", "yellow")

    # --- the beginning and the end ------------------------------------------------------------

    def introduce(self, witness: Witness, variant: str) -> None:
        """Say what is about to be replayed."""
        self.say(
            f"{witness.scenario} on {witness.target} ({variant}), {len(witness.steps)} steps",
            "bold",
        )
        for found in witness.broken:
            self.say(f"  {found.words}")

    def conclude(self, followed: Followed, world: ServiceWorld) -> int:
        """Say what came of it; returns the exit code."""
        self.say("")
        assert world.judged is not None
        if followed.departure is not None:
            self.say(f"the service went another way than the witness at {followed.departure}")
        status = world.judged.came.status
        seconds = world.memory.now() / 1e9
        run = Run(
            history="(not kept)", status=status, verdicts=world.judged.verdicts, seconds=seconds
        )
        self._console.print(terminal.render_verdicts(run))
        return status.exit_code

    def say(self, line: str, style: str = "") -> None:
        """Print one line, as it is."""
        self._console.print(Text(line, style))

    def _fitting(self, line: str) -> str:
        """Return ``line`` as it fits a terminal's width; elsewhere all of it."""
        width = self._console.width if self._console.is_terminal else len(line)
        return words.clipped(line, width)

    # --- what happened ------------------------------------------------------------------------

    def _show(self, event: Event) -> None:
        match event:
            case Invoked():
                self._requests[event.op] = event
                self.say(f"  {event.attempt} asks the service: {words.asked(event)}")
            case Completed() if event.op in self._requests:
                attempt = self._requests[event.op].attempt
                self.say(f"  {attempt} is told: {words.told(event)}", "cyan")
            case Effect():
                self._show_request(event.tap, event.label, event.request)
                failed = bool((event.answer or {}).get("error"))
                self.say(f"    <- {words.answer(event)}", "red" if failed else "green")
            case _:
                pass

    def _show_request(self, tap: str, label: str, asked: Mapping[str, object]) -> None:
        self.say(f"  -> {tap}: {words.request(tap, label, asked)}")

    def _who_waits(self) -> Iterator[str]:
        for waiting in self._locks.waits[-1]:
            wait = Wait(for_a_lock=True, what=waiting.what, on=waiting.on)
            yield f"{waiting.actor} {words.waits(wait)}"
        for player in self._world.control.players.values():
            if player.at is At.INSIDE:
                yield f"{player.name} {words.waits(Wait(for_a_lock=False))}"
