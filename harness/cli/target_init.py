"""``paidonce init``: a first target file, by asking or from flags."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from paidonce.harness.errors import UsageError
from paidonce.harness.targets import load_target
from paidonce.harness.targets.file.first_file import Answers, first_file

_QUESTIONS = {
    "name": ("--name", "What is the service called"),
    "command": ("--command", "What starts it, as you would type it here ({port}: its port)"),
    "build": ("--build", "What builds it, once (npm ci, say; empty: nothing)"),
    "port_env": ("--port-env", "Which variable names the port it listens on"),
    "ready": ("--ready", "Which path answers when it is ready (empty: once its port accepts)"),
    "database_env": ("--database-env", "Which variable holds its database URL (empty: none)"),
    "database_host_env": ("--database-host-env", "Which variable holds its database's host"),
    "database_port_env": ("--database-port-env", "Which variable holds its database's port"),
    "database_name_env": ("--database-name-env", "Which variable holds its database's name"),
    "database_user_env": ("--database-user-env", "Which variable holds its database's user"),
    "database_password_env": (
        "--database-password-env",
        "Which variable holds its database's password",
    ),
    "stripe_env": ("--stripe-env", "Which variable holds Stripe's address (empty: none does)"),
    "stripe_host_env": ("--stripe-host-env", "Which variable holds Stripe's host"),
    "stripe_port_env": ("--stripe-port-env", "Which variable holds Stripe's port"),
    "stripe_key_env": ("--stripe-key-env", "Which variable holds Stripe's secret key"),
    "schema": ("--schema", "Which SQL file makes its tables (empty: a command does)"),
    "migrate": ("--migrate", "Which command makes its tables (empty: none)"),
    "create": ("--create", "Which request creates an order"),
    "create_json": ("--create-json", "With which JSON"),
    "order": ("--order", "Where is the order's id in its answer"),
    "pay": ("--pay", "Which request pays {order}"),
    "pay_json": ("--pay-json", "With which JSON"),
    "success": ("--success", "With which status is a payment answered"),
}
_NEEDED = ("command",)
_APART = (
    "database_host_env",
    "database_port_env",
    "database_name_env",
    "database_user_env",
    "database_password_env",
    "stripe_host_env",
    "stripe_port_env",
)
"""Asked for by flags alone: few services are told an address in parts."""


def init_command(
    path: Annotated[
        Path, typer.Argument(help="The file to write, which must be new.", metavar="TARGET")
    ] = Path("target.toml"),
    name: Annotated[str | None, typer.Option(help="What the service is called.")] = None,
    command: Annotated[
        str | None, typer.Option(help="What starts it, beside the file: 'node server.js'.")
    ] = None,
    build: Annotated[str | None, typer.Option(help="What builds it, once: 'npm ci'.")] = None,
    port_env: Annotated[
        str | None, typer.Option(help="The variable that names the port it listens on.")
    ] = None,
    ready: Annotated[
        str | None, typer.Option(help="The path that answers when it is ready: /healthz.")
    ] = None,
    database_env: Annotated[
        str | None,
        typer.Option(help="The variable that holds its database URL; '' where it has none."),
    ] = None,
    database_host_env: Annotated[
        str | None, typer.Option(help="The variable that holds its database's host, if apart.")
    ] = None,
    database_port_env: Annotated[
        str | None, typer.Option(help="The variable that holds its database's port, if apart.")
    ] = None,
    database_name_env: Annotated[
        str | None, typer.Option(help="The variable that holds its database's name, if apart.")
    ] = None,
    database_user_env: Annotated[
        str | None, typer.Option(help="The variable that holds its database's user, if apart.")
    ] = None,
    database_password_env: Annotated[
        str | None, typer.Option(help="The variable that holds its database's password, if apart.")
    ] = None,
    stripe_env: Annotated[
        str | None, typer.Option(help="The variable that holds Stripe's address.")
    ] = None,
    stripe_host_env: Annotated[
        str | None, typer.Option(help="The variable that holds Stripe's host, if apart.")
    ] = None,
    stripe_port_env: Annotated[
        str | None, typer.Option(help="The variable that holds Stripe's port, if apart.")
    ] = None,
    stripe_key_env: Annotated[
        str | None, typer.Option(help="The variable that holds Stripe's secret key.")
    ] = None,
    schema: Annotated[str | None, typer.Option(help="An SQL file that makes its tables.")] = None,
    migrate: Annotated[str | None, typer.Option(help="A command that makes its tables.")] = None,
    create: Annotated[
        str | None, typer.Option(help="The request that creates an order: 'POST /orders'.")
    ] = None,
    create_json: Annotated[str | None, typer.Option(help="Its JSON.")] = None,
    order: Annotated[
        str | None, typer.Option(help="Where the order's id is in the answer: json:$.id.")
    ] = None,
    pay: Annotated[
        str | None, typer.Option(help="The request that pays: 'POST /orders/{order}/pay'.")
    ] = None,
    pay_json: Annotated[str | None, typer.Option(help="Its JSON.")] = None,
    success: Annotated[
        int | None, typer.Option(help="The status that a payment is answered with.")
    ] = None,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Ask nothing: use defaults where no flag says otherwise."),
    ] = False,
) -> int:
    """Write a first target file, commented: how a service is started, prepared and judged.

    Asks for all that no flag says, where the input is a terminal.
    """
    if path.exists():
        raise UsageError(f"{path} exists already; name a new file")
    given = {
        "name": name,
        "command": command,
        "build": build,
        "port_env": port_env,
        "ready": ready,
        "database_env": database_env,
        "database_host_env": database_host_env,
        "database_port_env": database_port_env,
        "database_name_env": database_name_env,
        "database_user_env": database_user_env,
        "database_password_env": database_password_env,
        "stripe_env": stripe_env,
        "stripe_host_env": stripe_host_env,
        "stripe_port_env": stripe_port_env,
        "stripe_key_env": stripe_key_env,
        "schema": schema,
        "migrate": migrate,
        "create": create,
        "create_json": create_json,
        "order": order,
        "pay": pay,
        "pay_json": pay_json,
        "success": success,
    }
    ask = not yes and sys.stdin.isatty()
    answers = _answers({k: v for k, v in given.items() if v is not None}, path, ask=ask)
    try:
        text = first_file(answers, path.as_posix())
    except ValueError as error:
        raise UsageError(f"--create-json, --pay-json: expected JSON: {error}") from None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"wrote {path}", markup=False)
    try:
        load_target(path)
    except UsageError as error:
        console.print(f"to be mended first: {error}", markup=False)
    console.print(f"then: paidonce check {path}", markup=False)
    return 0


def _answers(given: dict[str, str | int], path: Path, *, ask: bool) -> Answers:
    """Return the answers that were given, asked for, or are usual. Raises ``UsageError`` naming a
    flag."""
    usual: dict[str, Any] = {field.name: field.default for field in fields(Answers)}
    usual["name"] = path.resolve().parent.name.replace(" ", "-") or "service"
    # Who says where a part of an address goes has none of the whole, unless it is said as well.
    for whole, part in (("database_env", "database_host_env"), ("stripe_env", "stripe_host_env")):
        if given.get(part):
            usual[whole] = ""
    found: dict[str, Any] = {}
    for name, (flag, question) in _QUESTIONS.items():
        if name in given:
            found[name] = given[name]
        elif ask and name not in _APART:
            default = usual[name] if name not in _NEEDED else None
            found[name] = typer.prompt(question, default=default, type=type(default or ""))
        elif name in _NEEDED:
            raise UsageError(f"{flag} is missing: {question[0].lower()}{question[1:]}")
        else:
            found[name] = usual[name]
    for name in ("create_json", "pay_json"):
        try:
            json.loads(str(found[name]))
        except ValueError as error:
            flag = _QUESTIONS[name][0]
            raise UsageError(f"{flag}: expected JSON, got {found[name]!r} ({error})") from None
    answers = Answers(**found)
    if not answers.database_variables:
        for name in ("schema", "migrate"):
            if given.get(name):
                flag = _QUESTIONS[name][0]
                raise UsageError(
                    f"{flag}: the service is not told of a database; name the variable that "
                    "holds its URL (--database-env) or its host (--database-host-env)"
                )
    return answers
