"""Reading and checking a request's parameters, with Stripe's answers where they are wrong.

Everything raised here is ``Refused``: a request whose parameters are wrong never executes, and
leaves no trace under its idempotency key.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from paidonce.harness.simulator.domain.errors import Refused
from paidonce.harness.simulator.wire.forms import Form, Value, as_list

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500


class Params:
    """One level of parameters. Each is read at most once; ``finish`` refuses what is left."""

    def __init__(self, form: Form, prefix: str = "", part: str = "") -> None:
        self.part = part
        """The id in the path of what an object is part of, where it is part of another."""
        self.counted = False
        """True if a search is to say how many match in all."""
        self._left = dict(form)
        self._prefix = prefix

    def name(self, key: str) -> str:
        """The parameter as the caller wrote it, such as ``automatic_payment_methods[enabled]``."""
        return f"{self._prefix}[{key}]" if self._prefix else key

    def has(self, key: str) -> bool:
        """Return whether the parameter is there, whatever its value."""
        return key in self._left

    def is_nested(self, key: str) -> bool:
        """Return whether the parameter is there and is a mapping."""
        return isinstance(self._left.get(key), dict)

    def is_false(self, key: str) -> bool:
        """Return whether the parameter is there and is plainly ``false``."""
        return self._left.get(key) == "false"

    def names(self) -> list[str]:
        """The names of what has not been read yet."""
        return list(self._left)

    def is_done(self) -> bool:
        """Return whether all of it has been read, so that nothing else is there."""
        return not self._left

    def is_empty(self, key: str) -> bool:
        """Return whether the parameter is there and is empty, which unsets it."""
        return self._left.get(key) == ""

    def is_(self, key: str, value: str) -> bool:
        """Return whether the parameter is there and is that text."""
        return self._left.get(key) == value

    def string(self, key: str, *, max_length: int = 5000) -> str | None:
        """A text, or None where it is absent or empty, which unsets it."""
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise self._invalid("string", key, value)
        if len(value) > max_length:
            raise Refused(
                400,
                f"Invalid string: {value[:20]}...; must be at most {max_length} characters",
                param=self.name(key),
            )
        return value

    def required(self, key: str) -> str:
        """A text that must be there and must not be empty."""
        if key not in self._left:
            raise self.missing(key)
        self._refuse_empty(key)
        value = self.string(key)
        assert value is not None
        return value

    def choice(self, key: str, choices: Collection[str]) -> str | None:
        """One of ``choices``, or None where it is absent."""
        if key not in self._left:
            return None
        self._refuse_empty(key)
        value = self.string(key)
        if value is not None and value not in choices:
            raise Refused(
                400,
                f"Invalid {self.name(key)}: must be one of {', '.join(choices)}",
                param=self.name(key),
            )
        return value

    def integer(self, key: str, *, minimum: int, maximum: int | None = None) -> int | None:
        """A whole number within bounds, or None where it is absent."""
        if key not in self._left:
            return None
        self._refuse_empty(key)
        value = self._left.pop(key)
        # int() alone would take "1_000", " 5" and digits of other scripts.
        digits = value.removeprefix("-") if isinstance(value, str) else ""
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise self._invalid("integer", key, value, code="parameter_invalid_integer")
        number = int(str(value))
        if number < minimum:
            raise Refused(
                400,
                f"This value must be greater than or equal to {minimum}.",
                code="parameter_invalid_integer",
                param=self.name(key),
            )
        if maximum is not None and number > maximum:
            raise Refused(
                400,
                f"This value must be less than or equal to {maximum} (it currently is '{number}').",
                code="parameter_invalid_integer",
                param=self.name(key),
            )
        return number

    def boolean(self, key: str, default: bool = False) -> bool:
        """``true`` or ``false``, ``default`` where it is absent."""
        if key not in self._left:
            return default
        self._refuse_empty(key)
        value = self._left.pop(key)
        if value not in ("true", "false"):
            raise self._invalid("boolean", key, value)
        return value == "true"

    def strings(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or None where it is absent."""
        value = self._left.pop(key, None)
        if value is None:
            return None
        items = as_list(value)
        texts = [item for item in items or () if isinstance(item, str)]
        if items is None or len(texts) < len(items):
            raise self._invalid("array", key, value)
        return tuple(texts)

    def mapping(self, key: str) -> Params | None:
        """A nested level to be read in turn (and finished), or None where it is absent."""
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise self._invalid("object", key, value)
        return Params(value, self.name(key))

    def mappings(self, key: str) -> tuple[Params, ...] | None:
        """A list of nested levels to be read in turn (and finished), or None where it is absent."""
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        items = as_list(value)
        if items is None:
            raise self._invalid("array", key, value)
        found = []
        for number, item in enumerate(items):
            if not isinstance(item, dict):
                raise self._invalid("object", f"{key}[{number}]", item)
            found.append(Params(item, f"{self.name(key)}[{number}]"))
        return tuple(found)

    def opaque(self, key: str) -> dict[str, Any] | None:
        """A nested level taken as it is, unread."""
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise self._invalid("object", key, value)
        return value

    def metadata(self) -> dict[str, str | None] | None:
        """The ``metadata`` parameter; a None value unsets its key, an empty mapping unsets all.

        None where it is absent. Limits: https://docs.stripe.com/api/metadata.
        """
        value = self._left.pop("metadata", None)
        if value is None:
            return None
        if value == "":
            return {}
        if not isinstance(value, dict):
            raise self._invalid("object", "metadata", value)
        if len(value) > METADATA_KEYS:
            raise Refused(
                400, f"Metadata can only have up to {METADATA_KEYS} keys.", param="metadata"
            )
        for key, text in value.items():
            self._check_metadatum(key, text)
        return {key: str(text) or None for key, text in value.items()}

    def finish(self) -> None:
        """Refuse what nobody read: Stripe rejects parameters it does not know."""
        for key in self._left:
            raise Refused(
                400,
                f"Received unknown parameter: {self.name(key)}. (Or one this simulator does not "
                "simulate.)",
                code="parameter_unknown",
                param=self.name(key),
            )

    def missing(self, key: str) -> Refused:
        """The answer to the absence of a required parameter."""
        return Refused(
            400,
            f"Missing required param: {self.name(key)}.",
            code="parameter_missing",
            param=self.name(key),
        )

    def _refuse_empty(self, key: str) -> None:
        if self._left.get(key) == "":
            raise Refused(
                400,
                f"You passed an empty string for '{self.name(key)}'. We assume empty values are an "
                f"attempt to unset a parameter; however '{self.name(key)}' cannot be unset. You "
                f"should remove '{self.name(key)}' from your request or supply a non-empty value.",
                code="parameter_invalid_empty",
                param=self.name(key),
            )

    def _check_metadatum(self, key: str, value: Value) -> None:
        param = f"metadata[{key}]"
        if not isinstance(value, str):
            raise Refused(
                400,
                f"Invalid value for {param}: metadata values must be strings.",
                param=param,
            )
        if len(key) > METADATA_KEY_LENGTH:
            raise Refused(
                400,
                f"Metadata keys can be at most {METADATA_KEY_LENGTH} characters long: {key}",
                param="metadata",
            )
        if len(value) > METADATA_VALUE_LENGTH:
            raise Refused(
                400,
                f"Metadata values can be at most {METADATA_VALUE_LENGTH} characters long, but "
                f"{param} has {len(value)}.",
                param=param,
            )

    def _invalid(self, kind: str, key: str, value: Value, code: str | None = None) -> Refused:
        shown = value if isinstance(value, str) else f"a nested value ({len(value)} entries)"
        return Refused(400, f"Invalid {kind}: {shown}", code=code, param=self.name(key))
