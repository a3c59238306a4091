"""Stripe's own description of its API, which comes inside the module of stripe-mock: what an answer
has to be, by method and path, and by kind of object."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PARTS = (
    *("payment_method_details", "total_pretax_credit_amounts", "pretax_credit_amounts"),
    *("automatic_tax", "from_invoice", "invoice_creation", "issuer", "sepa_debit"),
    *("adjusted_for_overdraft", "applied_to_payment", "refunded_from_payment"),
    *("transferred_to_balance", "unapplied_from_payment"),
)
"""Levels in which nothing is expanded: what is there is of a kind that is not here."""

_WITHIN = "github.com/stripe/stripe-mock@*/embedded/openapi/spec3.json"


def path_of_description() -> Path | None:
    """Where ``go install github.com/stripe/stripe-mock@latest`` has left it; None without that."""
    go = shutil.which("go")
    if go is None:
        return None
    asked = subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, check=False)
    return next(iter(sorted(Path(asked.stdout.strip()).glob(_WITHIN), reverse=True)), None)


class Description:
    """The description in ``file``."""

    def __init__(self, file: Path) -> None:
        read = json.loads(file.read_text())
        self._schemas = read["components"]["schemas"]
        self._operations = [
            (method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), operation)
            for path, methods in read["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict) and "responses" in operation
        ]

    def violations(self, method: str, path: str, answer: Any) -> list[str]:
        """How a 200 of that method and path is not as described."""
        for described, pattern, operation in self._operations:
            if described == method and pattern.match(path):
                response = operation["responses"]["200"]["content"]["application/json"]
                return list(self._checked(response["schema"], answer, ""))
        return [f"{method} {path} is not described"]

    def of_event(self, event: Any) -> list[str]:
        """How an event, and the object in it, are not as described."""
        inside = event["data"]["object"]
        found = list(self._checked(self._schemas["event"], event, ""))
        schema = self._schemas[inside["object"]]
        return found + list(self._checked(schema, inside, "data.object"))

    def expandable(self, kind: str) -> list[tuple[str, frozenset[str]]]:
        """The paths within an object of ``kind`` that can be expanded, and the kinds that are there
        then; not into what belongs to one type of payment method."""
        if kind not in self._schemas:
            return []
        found = self._expandable(self._schemas[kind], (), frozenset({kind}))
        return [(".".join(path), kinds) for path, kinds in found]

    def _expandable(
        self, schema: dict[str, Any], path: tuple[str, ...], seen: frozenset[str]
    ) -> Iterator[tuple[tuple[str, ...], frozenset[str]]]:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._schemas[name]
            is_object = {"id", "object"} <= schema.get("properties", {}).keys()
            if name in seen or is_object:
                return
            seen |= {name}
        if "x-expansionResources" in schema:
            ways = schema["x-expansionResources"]["oneOf"]
            yield path, frozenset(way["$ref"].rpartition("/")[2] for way in ways)
            return
        for one in (*schema.get("anyOf", ()), *filter(None, [schema.get("items")])):
            yield from self._expandable(one, path, seen)
        for name, inner in schema.get("properties", {}).items():
            if name not in _PARTS and len(path) < 3:
                yield from self._expandable(inner, (*path, name), seen)

    def _checked(self, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        if value is None:
            if not schema.get("nullable"):
                yield f"{at} is null"
            return
        if "anyOf" in schema:
            ways = [list(self._checked(one, value, at)) for one in schema["anyOf"]]
            if all(ways):
                yield from min(ways, key=len)
            return
        yield from self._plainly(schema, value, at)

    def _plainly(self, schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
        kinds: dict[str, type | tuple[type, ...]] = {
            "string": str,
            "integer": int,
            "number": (int, float),
            "boolean": bool,
            "array": list,
            "object": dict,
        }
        kind = schema.get("type")
        wrong = kind is not None and not isinstance(value, kinds[kind])
        if wrong or (isinstance(value, bool) and kind != "boolean"):
            yield f"{at} is {value!r}, not of type {kind}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at} is {value!r}, none of {schema['enum']}"
        if isinstance(value, list):
            for number, one in enumerate(value):
                yield from self._checked(schema.get("items", {}), one, f"{at}[{number}]")
        if isinstance(value, dict):
            for name in schema.get("required", ()):
                if name not in value:
                    yield f"{at}.{name} is missing"
            for name, described in schema.get("properties", {}).items():
                if name in value:
                    yield from self._checked(described, value[name], f"{at}.{name}")
