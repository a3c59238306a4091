"""``python -m paidonce.reference_service [COMMAND]``, ``--help`` says which there are."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from dataclasses import asdict
from functools import partial

from paidonce.reference_service.guards import GUARDS
from paidonce.reference_service.settings import Settings, SettingsError, load, read_database_url

USAGE_ERROR = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0 done, 2 for a bad setting or a database that does not answer."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "migrate":
                return _migrate()
            case "recover":
                return _recover(load(os.environ))
            case "ahead":
                from paidonce.reference_service.ahead import fork_when_asked

                return fork_when_asked(_serve)
            case "guards":
                return _guards(as_json=options.json)
            case _:
                return _serve(load(os.environ))
    except SettingsError as problem:
        return _complain(str(problem))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m paidonce.reference_service",
        description="A payment service. Settings come from the environment.",
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("serve", help="serve HTTP on HOST:PORT (the default)")
    commands.add_parser("ahead", help="load the service, and fork it for each line of JSON (Linux)")
    commands.add_parser("migrate", help="create the tables in DATABASE_URL; may be repeated")
    commands.add_parser("recover", help="finish attempts of unknown outcome: one pass")
    guards = commands.add_parser("guards", help="list the values of PAYMENT_GUARD")
    guards.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _serve(settings: Settings) -> int:
    gc.disable()  # what is imported stays
    import uvicorn

    run = partial(
        uvicorn.run,
        host=settings.host,
        port=settings.port,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=5,
    )
    if settings.web_concurrency > 1:
        # Workers read the same environment again; it was found valid just now.
        factory = "paidonce.reference_service.app:create_app"
        run(factory, factory=True, workers=settings.web_concurrency)
        return 0
    from paidonce.reference_service.app import create_app

    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()
    run(app, workers=1)
    return 0


def _migrate() -> int:
    import psycopg

    from paidonce.reference_service.migration import migrate

    try:
        migrate(read_database_url(os.environ))
    except psycopg.OperationalError as problem:
        return _complain(f"DATABASE_URL: {_one_line(problem)}")
    return 0


def _recover(settings: Settings) -> int:
    from sqlalchemy.exc import DBAPIError

    from paidonce.reference_service.service import Service

    service = Service(settings)
    try:
        print(f"recovered {service.recovery.run_once()}")
    except DBAPIError as problem:
        return _complain(f"DATABASE_URL: {_one_line(problem.orig or problem)}")
    finally:
        service.stop()
    return 0


def _guards(*, as_json: bool) -> int:
    if as_json:
        listed = [{"name": name, **asdict(guard)} for name, guard in GUARDS.items()]
        for entry in listed:
            del entry["module"]
        print(json.dumps(listed, indent=2))
        return 0
    width = max(map(len, GUARDS))
    for name, guard in GUARDS.items():
        claim = "sound" if guard.sound else "vulnerable"
        print(f"{name:<{width}}  {claim:<10}  {guard.summary}")
    return 0


def _one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())


def _complain(message: str) -> int:
    print(f"reference_service: {message}", file=sys.stderr)
    return USAGE_ERROR


if __name__ == "__main__":
    sys.exit(main())
