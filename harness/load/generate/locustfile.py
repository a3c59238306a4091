"""The locustfile: ``locust -f harness/load/generate/locustfile.py --host http://127.0.0.1:PORT``.

With Locust's own web page as above, or without it (``--headless HotOrder``). Every operation is
recorded as it happens in a history file of its own process, in the folder
``--paidonce-history``; ``paidonce check`` judges such a file. Load is sent to this machine only.

Locust runs this file in processes of its own; nothing else may import it.
"""

# Locust's event hooks and its shape class carry no types.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import math
import secrets
import sys
from argparse import Namespace
from typing import Any

import gevent
from locust import LoadTestShape, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from paidonce.harness.errors import PaidonceError, UsageError
from paidonce.harness.load.generate.current import LoadRun, WhenIdle, current_run, set_run
from paidonce.harness.load.generate.targets import load_target
from paidonce.harness.load.generate.users import HotOrder, ManyOrders, Payer, Shopper
from paidonce.harness.load.plan.address import loopback_url
from paidonce.harness.load.plan.plan import LoadPlan
from paidonce.harness.load.plan.settings import (
    EXIT_DEFECT,
    EXIT_USAGE,
    FIXED,
    OPTIONS,
    SAYS,
    LoadSettings,
    settings_from,
)
from paidonce.harness.load.record.recorder import Recorder
from paidonce.harness.service.description import Target

__all__ = ["HotOrder", "ManyOrders", "Payer", "Shopper", "WarmUpThenHold"]

_USED_UP = "paidonce_orders_used_up"
_BEGUN = "paidonce_begun"
_FASTEST_SPAWN = 100.0
_COMMON = ("num_users", "run_time")
"""Options of Locust's own that make a difference to a worker here."""

_fixed: dict[str, str] = {}
"""The options named in ``FIXED``, as they were on the command line."""


class WarmUpThenHold(LoadTestShape):
    """Steps up during ``--warmup``, holds ``--users`` until ``--run-time``, then always ends."""

    use_common_options = True

    def __init__(self) -> None:
        super().__init__()
        self.plan: LoadPlan | None = None

    def reset_time(self) -> None:
        """Locust is about to ask for the first time (again, when started from its page)."""
        super().reset_time()
        assert self.runner is not None, "Locust gives its runner to the shape first"
        try:
            self.plan = _checked(self.runner.environment)[0].plan
        except UsageError as error:
            self.plan = None
            _say(error)

    def begun(self) -> None:
        """A process begins to send load; the plan counts from the last one that does.

        On a busy machine that may be seconds after Locust asked for the first users.
        """
        super().reset_time()

    def end(self) -> None:
        """End the run at the next tick, before its time."""
        self.plan = None

    def tick(self) -> tuple[int, float] | None:
        plan = self.plan
        users = None if plan is None else plan.users_at(self.get_run_time())
        if plan is None or users is None:
            return None
        # Fast enough for a step to be there before the next one begins, a second later.
        return users, min(_FASTEST_SPAWN, max(1.0, math.ceil(plan.users / plan.steps)))


@events.init_command_line_parser.add_listener
def _add_options(parser: LocustArgumentParser) -> None:
    for option in OPTIONS:
        parser.add_argument(
            option.flag,
            env_var=option.env,
            default=option.default,
            help=option.help,
            include_in_web_ui=option.name not in FIXED,
        )
    # Locust's own page and its workers' socket listen to everybody by default.
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")


@events.init.add_listener
def _prepare(environment: Environment, **_: Any) -> None:
    """Check all that can be checked before the first request; a bad option ends it here."""
    options, runner = _parts(environment)
    _fixed.update({name: getattr(options, name) for name in FIXED})
    try:
        if environment.host is not None or options.headless:
            _checked(environment)
        else:  # the web page will ask for the host
            settings_from(options)
            load_target(options.target_file, options.target_object)
    except UsageError as error:
        _say(error)
        sys.exit(EXIT_USAGE)
    runner.register_message(_USED_UP, _orders_used_up)
    runner.register_message(_BEGUN, _process_begun)


@events.test_start.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    """Read the options again (the web page may have changed them) and open the history."""
    options, runner = _parts(environment)
    set_run(None)
    if not isinstance(runner, WorkerRunner):
        _tell_workers(options)
    if isinstance(runner, MasterRunner):
        return
    try:
        settings, target = _checked(environment)
        names = "+".join(sorted(user.__name__ for user in environment.user_classes))
        recorder = Recorder(settings, target, f"load: {names}", WhenIdle())
    except PaidonceError as error:
        _refuse(environment, error)
        return
    worker = runner.worker_index + 1 if isinstance(runner, WorkerRunner) else 0

    def used_up() -> None:
        recorder.stopped(f"all {settings.max_orders} orders of this process are used up")
        runner.send_message(_USED_UP)

    set_run(LoadRun(settings, target, recorder, worker, used_up))
    _process_begun(environment)
    if isinstance(runner, WorkerRunner):
        runner.send_message(_BEGUN)


def _tell_workers(options: Namespace) -> None:
    """Add to the options what Locust's master would not send along: its own options, which it takes
    to be the same everywhere, and a name for the run."""
    options.paidonce_session = secrets.token_hex(8)
    options.paidonce_common = {name: getattr(options, name) for name in _COMMON}


@events.test_stopping.add_listener
def _stopping(**_: Any) -> None:
    run = current_run()
    if run is not None:
        run.recorder.stopped("it was over")
        run.stopping.set()


@events.test_stop.add_listener
def _end(**_: Any) -> None:
    run = current_run()
    if run is not None:
        run.recorder.close()
        set_run(None)


@events.user_error.add_listener
def _on_defect(user_instance: Any, exception: BaseException, **_: Any) -> None:
    """A user's code raised: say so once, and end the run rather than measure it."""
    # Locust hands over the task set that ran the task, or a user without one.
    environment: Environment = getattr(user_instance, "user", user_instance).environment
    if environment.process_exit_code is None:
        _refuse(environment, exception, EXIT_DEFECT)


@events.quitting.add_listener
def _quitting(environment: Environment, **_: Any) -> None:
    _options, runner = _parts(environment)
    if runner.exceptions and environment.process_exit_code is None:
        environment.process_exit_code = EXIT_DEFECT


def _process_begun(environment: Environment, **_: Any) -> None:
    shape = environment.shape_class
    if isinstance(shape, WarmUpThenHold):
        shape.begun()


def _orders_used_up(environment: Environment, **_: Any) -> None:
    shape = environment.shape_class
    if isinstance(shape, WarmUpThenHold):
        shape.end()


def _refuse(environment: Environment, error: BaseException, code: int = EXIT_USAGE) -> None:
    _say(error)
    environment.process_exit_code = code
    options, runner = _parts(environment)
    # From a greenlet of its own: this one may be among those that are stopped.
    gevent.spawn(runner.quit if options.headless else runner.stop)


def _checked(environment: Environment) -> tuple[LoadSettings, Target]:
    """Settings and target as the options say now. Raises ``UsageError``."""
    options, runner = _parts(environment)
    vars(options).update(_fixed)
    if isinstance(runner, WorkerRunner):
        vars(options).update(getattr(options, "paidonce_common", {}))
    if not (isinstance(runner, WorkerRunner) and environment.host is None):
        environment.host = loopback_url(environment.host or "", "--host")
    return settings_from(options), load_target(options.target_file, options.target_object)


def _parts(environment: Environment) -> tuple[Namespace, Runner]:
    options, runner = environment.parsed_options, environment.runner
    assert options is not None
    assert runner is not None
    return options, runner


def _say(error: BaseException) -> None:
    kind = "" if isinstance(error, PaidonceError) else f"{type(error).__name__}: "
    print(f"{SAYS}{kind}{error}", file=sys.stderr, flush=True)
