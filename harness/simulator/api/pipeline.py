"""From a request to Stripe's API to its answer.

The order of the steps decides what is remembered and what is not::

    route ─ key ─ limits ─ version ─ parameters ─ idempotency key ─ checks ─┬─ latency before
    404     401   429      400       400          400/409/replay    400     │  lock, latency held
                                                                            │  execution (atomic)
                                                                            │  latency after
    nothing is stored for these ────────────────────────────────────────────┘  stored, answered

Most requests have nothing to wait for, and are answered without leaving the function that took
them; the others become coroutines. In these, awaits happen in the latencies, for a lock, and, if
so configured, for another request with the same idempotency key; nowhere else.
"""

from __future__ import annotations

import msgspec

from paidonce.harness.simulator.api.admission import enter
from paidonce.harness.simulator.api.call import Busy, Call, CallPlan, Dropped, Entered
from paidonce.harness.simulator.api.executing import at_once, execute, stored_error
from paidonce.harness.simulator.domain.errors import StripeError
from paidonce.harness.simulator.domain.state import API_VERSION
from paidonce.harness.simulator.domain.touched import TOLD
from paidonce.harness.simulator.engine import faults, idempotency, locks
from paidonce.harness.simulator.engine.idempotency import Fingerprint, Stored, WhenBusy
from paidonce.harness.simulator.engine.simulation import Logged, Simulation
from paidonce.harness.simulator.wire.messages import Answering, ApiRequest, Reply
from paidonce.harness.simulator.wire.params import Params


def answer(simulation: Simulation, request: ApiRequest) -> Answering:
    """Answer a request to the API; every ``StripeError`` becomes an answer too."""
    call = Call(request, simulation.epoch, simulation.clock())
    try:
        entered = enter(simulation, call)
        step = _claim(simulation, call, entered)
        if isinstance(step, Stored):
            stored = step
        elif isinstance(step, Busy) or _waits(call, step):
            return _slowly(simulation, call, entered, step)
        else:
            stored = at_once(simulation, call, step)
    except StripeError as error:
        stored = stored_error(error)
    except Dropped as dropped:
        return _dropped(simulation, call, dropped)
    return _reply(simulation, call, stored)


async def _slowly(
    simulation: Simulation, call: Call, entered: Entered, step: CallPlan | Busy | Stored
) -> Reply:
    simulation.in_flight += 1
    try:
        while isinstance(step, Busy):
            await step.record.over()
            step = _claim(simulation, call, entered)
        stored = step if isinstance(step, Stored) else await execute(simulation, call, step)
    except StripeError as error:
        stored = stored_error(error)
    except Dropped as dropped:
        return _dropped(simulation, call, dropped)
    finally:
        simulation.in_flight -= 1
    return _reply(simulation, call, stored)


def _claim(simulation: Simulation, call: Call, entered: Entered) -> CallPlan | Busy | Stored:
    """Look under the key, check the parameters, and take the key. Raises ``Refused``."""
    request, record = call.request, None
    if call.key is not None:
        keys = call.epoch.keys
        fingerprint = Fingerprint.of(request.method, request.path, entered.form)
        found = keys.find(entered.account, call.key, fingerprint, simulation.clock())
        if found is not None and found.answer is not None:
            call.original, call.replayed = found.request_id, True
            return found.answer
        if found is not None:
            if simulation.settings.when_busy is WhenBusy.CONFLICT:
                raise idempotency.in_use(call.key)
            return Busy(found)
    endpoint, identifier = entered.match.endpoint, entered.match.identifier
    prepared = endpoint.prepare(Params(entered.form, part=entered.match.part), identifier)
    if call.key is not None:
        record = keys.begin(entered.account, call.key, fingerprint, call.id, simulation.clock())
        call.original = call.id
    lock = locks.subject(call.epoch.world, request.method, endpoint.kind, identifier, entered.form)
    latency = call.fault if isinstance(call.fault, faults.LatencyFault) else simulation.latency
    if latency is None:
        return CallPlan(prepared, entered.form, record, lock, 0, 0, 0)
    delay = simulation.delay
    before, held, after = delay(latency.before), delay(latency.held), delay(latency.after)
    half = delay(latency.around) / 2
    return CallPlan(prepared, entered.form, record, lock, before + half, held, after + half)


def _waits(call: Call, plan: CallPlan) -> bool:
    if plan.before > 0 or plan.held > 0 or plan.after > 0:
        return True
    return plan.lock is not None and call.epoch.locks.held(plan.lock)


def _reply(simulation: Simulation, call: Call, stored: Stored) -> Reply:
    _log(simulation, call, stored.status)
    headers = _headers(call, stored)
    body = stored.body
    if simulation.settings.pretty_json:
        body = msgspec.json.format(body, indent=2) + b"\n"
    return Reply(stored.status, body, headers, delivery=call.delivery)


def _dropped(simulation: Simulation, call: Call, dropped: Dropped) -> Reply:
    _log(simulation, call, 0)
    return Reply(500, b"", delivery=dropped.delivery)


def _headers(call: Call, stored: Stored) -> dict[str, str]:
    headers = {
        "request-id": call.id,
        "stripe-version": call.request.headers.get("stripe-version", API_VERSION),
    }
    if call.key is not None:
        headers["idempotency-key"] = call.key
        if call.original is not None:
            headers["original-request"] = call.original
        if call.replayed:
            headers["idempotent-replayed"] = "true"
    if stored.headers:
        headers |= stored.headers
    if call.touched is not None:
        headers[TOLD] = call.touched.text()
    if stored.status == 401:
        headers["www-authenticate"] = 'Basic realm="Stripe"'
    return headers


def _log(simulation: Simulation, call: Call, status: int) -> None:
    if call.epoch is not simulation.epoch:
        return
    answered = simulation.clock()
    simulation.log.append(
        Logged(
            id=call.id,
            method=call.request.method,
            path=call.request.path,
            status=status,
            idempotency_key=call.key,
            replayed=call.replayed,
            received=call.received,
            executed=call.executed,
            answered=answered,
            fault=call.fault,
        )
    )
    simulation.answered += 1
    simulation.busy_seconds += answered - call.received
