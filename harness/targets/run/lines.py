"""The connections over which a target's attempts send: to which process, or which copy of it."""

from __future__ import annotations

from dataclasses import dataclass

from paidonce.harness.http.client import Answer, Request, Wire
from paidonce.harness.process.ports import HOST
from paidonce.harness.targets.file.format import StepTable
from paidonce.harness.targets.file.loading import Loaded
from paidonce.harness.targets.run.launch import copies
from paidonce.harness.targets.run.script import TargetAttempt, TargetScript
from paidonce.harness.testbed.bench import Bench


@dataclass
class Lines:
    """The connections of one execution; ``wires`` are those that there are, by whose they are."""

    bench: Bench
    loaded: Loaded
    script: TargetScript
    wires: dict[str, Wire]

    def of(self, part: TargetAttempt, step: StepTable, by: str = "") -> Wire:
        """Return the attempt's connection to the process that a step is sent to; or that of whom
        its client asks again as, ``by``."""
        name = by or part.name
        if step.to == "service":
            return self.wires[name]
        wire = Wire(self._address(part, step.to))
        return self.wires.setdefault(f"{name} to {step.to}", wire)

    async def warm(self, part: TargetAttempt) -> None:
        """Open the attempt's connection to the service, and have it answer once where it says how.

        Raises ``NoAnswer``.
        """
        if part.name not in self.wires:
            self.wires[part.name] = Wire(self._address(part, "service"))
        wire = self.wires[part.name]
        process = self.loaded.file.process
        ready = process[0].ready if process else ""
        if ready.startswith("/"):
            await wire.warm(ready)
        else:
            await wire.connect()

    async def answer(
        self, part: TargetAttempt, step: StepTable, request: Request, by: str, *, ready: bool
    ) -> Answer:
        """Send a request, and return its answer; ``ready`` if all but its last byte is sent.

        Raises ``NoAnswer``.
        """
        if step.to != "stripe":
            wire = self.of(part, step, by)
            if not ready:
                await wire.prepare(request, ahead=False)
            wire.release()
            return await wire.receive()
        return await self.bench.browser.ask(
            request.method, request.path, request.body, request.headers
        )

    def _address(self, part: TargetAttempt, to: str) -> str:
        """The address of a process, or of that of its copies which is the attempt's."""
        tables = self.loaded.file.process
        number = next(
            (n for n, process_table in enumerate(tables, start=1) if process_table.name == to), 1
        )
        if not tables or (to == "service" and tables[0].copies == 1):
            return self.bench.service_url
        clients = [client.name for client in self.script.whole.clients]
        each = copies(tables[number - 1], number)
        name = each[clients.index(part.again or part.name) % len(each)]
        return f"http://{HOST}:{self.bench.running.process(name).port}"
