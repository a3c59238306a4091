"""The first version of a target file, commented, from a handful of answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TEMPLATE = """\
# Checked by: paidonce check {{ file }}
# Every key is explained in docs/targets.md; `paidonce schema` writes a schema for editors.
name = {{ a.name | toml }}
{% if a.build %}
build = [{{ a.build | toml }}]
{% else %}
# build = ["npm ci"]                     # commands run once, beside this file
{% endif %}

# Builds of the service, and what is claimed of each. With a racy and a fixed version, have both:
# a version declared `sound = false` must be caught.
[variants.default]
sound = true
# env = { PAYMENT_LOCK = "for_update" }

# The program that answers requests. It must listen on {port}, and find Postgres and Stripe where
# these placeholders say: there are taps. Others: {postgres_host} {postgres_port} {postgres_user}
# {postgres_database} {redis_url} {stripe_host} {stripe_port} {webhook_secret} {variant}.
[[process]]
command = {{ a.command | toml }}
{% if a.ready %}
ready = {{ a.ready | toml }}
{% else %}
# ready = "/healthz"                     # default: when its port accepts
{% endif %}

[process.env]
{% if a.port_env %}
{{ a.port_env }} = "{port}"
{% endif %}
{% for name, place in a.database_variables %}
{{ name | key }} = "{{ place }}"
{% endfor %}
{% for name, place in a.stripe_variables %}
{{ name | key }} = "{{ place }}"
{% else %}
# STRIPE_API_BASE = "{stripe_url}"
{% endfor %}
{% if a.stripe_key_env %}
{{ a.stripe_key_env }} = "{stripe_key}"
{% endif %}

{% if a.database_variables %}
# How an empty database becomes the service's. Its commands get these variables and no others: one
# that loads the whole service may want more of [process.env] ("-" will do for Stripe's).
[database]
{% if a.schema %}
schema = [{{ a.schema | toml }}]
{% else %}
# schema = ["schema.sql"]
{% endif %}
{% if a.migrate %}
migrate = [{{ a.migrate | toml }}]
env = {{ a.database_variables | table }}
{% else %}
# migrate = ["npx prisma migrate deploy"]
# env = {{ a.database_variables | table }}
{% endif %}

{% endif %}
# A fresh order before each execution. More steps (log in, add to a basket) come before it, each
# with its own [[prepare]]; what they capture is {name} in later ones.
[[prepare]]
request = {{ a.create | toml }}
json = {{ a.create_json | inline }}
capture = { order = {{ a.order | toml }} }

# Who comes at the same time.
[[attempts]]
name = "tab"
count = 2
[[attempts.steps]]
request = {{ a.pay | toml }}
json = {{ a.pay_json | inline }}

# What tells an attempt that it succeeded: all of it must hold.
[success]
status = {{ a.success }}
# json = { "$.status" = "paid" }
at_most = 1
at_least = 1

# What tells it, cleanly, that it did not. Anything else is a failure.
[rejection]
status = [402, 409]

# Values looked up when all is over.
[observe.charges]
stripe = "charges"
where = { status = "succeeded" }

# [observe.shown]
# sql = "SELECT count(*) FROM orders WHERE id = {order} AND payment_status = 'paid'"

# What must hold of them, whatever the service answered.
[[invariants]]
name = "one order is charged once at most"
check = "charges <= 1"

[[invariants]]
name = "who was told of success was charged, and nobody else"
check = "charges == successes"

# [[invariants]]
# name = "what was charged is shown as paid"
# check = "shown == charges"

# Where one attempt alone must be seen: "postgres", "stripe", "redis".
[taps]
need = [{% if a.database_variables %}"postgres", {% endif %}"stripe"]

# Time-outs out of the way while one step is held after the other; timers off.
# [explore]
# env = { STATEMENT_TIMEOUT_MS = "120000" }
"""


@dataclass(frozen=True)
class Answers:
    """The answers from which a first target file is made. Empty texts leave a key as a comment."""

    name: str
    command: str
    create: str = "POST /orders"
    create_json: str = '{ "amount": 4990 }'
    order: str = "json:$.id"
    pay: str = "POST /orders/{order}/pay"
    pay_json: str = "{}"
    success: int = 200
    build: str = ""
    ready: str = ""
    port_env: str = "PORT"
    database_env: str = "DATABASE_URL"
    database_host_env: str = ""
    database_port_env: str = ""
    database_name_env: str = ""
    database_user_env: str = ""
    database_password_env: str = ""
    stripe_env: str = "STRIPE_API_BASE"
    stripe_host_env: str = ""
    stripe_port_env: str = ""
    stripe_key_env: str = "STRIPE_API_KEY"
    schema: str = ""
    migrate: str = ""

    @property
    def database_variables(self) -> list[tuple[str, str]]:
        """The variables that say where the database is, each with the placeholder for it."""
        told = (
            (self.database_env, "{postgres_url}"),
            (self.database_host_env, "{postgres_host}"),
            (self.database_port_env, "{postgres_port}"),
            (self.database_name_env, "{postgres_database}"),
            (self.database_user_env, "{postgres_user}"),
            (self.database_password_env, "{postgres_password}"),
        )
        return [(name, place) for name, place in told if name]

    @property
    def stripe_variables(self) -> list[tuple[str, str]]:
        """The variables that say where Stripe is, each with the placeholder for it."""
        told = (
            (self.stripe_env, "{stripe_url}"),
            (self.stripe_host_env, "{stripe_host}"),
            (self.stripe_port_env, "{stripe_port}"),
        )
        return [(name, place) for name, place in told if name]


def first_file(answers: Answers, file: str) -> str:
    """The text of a target file called ``file``. Raises ``ValueError`` for JSON that is none."""
    # Imported where needed: most runs write no first file.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(  # noqa: S701 - TOML, not HTML
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=False)
    environment.filters["key"] = _key
    environment.filters["table"] = lambda pairs: _inline(dict(pairs))
    environment.filters["inline"] = lambda text: _inline(json.loads(text))
    return environment.from_string(_TEMPLATE).render(a=answers, file=file)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _inline(value: object) -> str:
    """A JSON value on one line of TOML."""
    if isinstance(value, dict):
        pairs = (f"{_key(name)} = {_inline(one)}" for name, one in value.items())
        inside = ", ".join(pairs)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    if value is None:
        raise ValueError("null, which TOML does not have")
    return json.dumps(value, ensure_ascii=False)
