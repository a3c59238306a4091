#!/usr/bin/env bash
# stripe-python 16.1.0: looking into an object's metadata.
#
# Guess, written down first (in code that asked a charge whether its order had been paid): metadata is a
# dict. `metadata.get("order_id")` is the value or None, metadata without entries is false, and it equals a
# dict with the same entries.
#
# Seen: `get` raises AttributeError, and so do `items`, `dict(...)`, `len` and `json.dumps` of it raise
# something. A guard that asks with `get` works as long as there is nothing to ask, and raises where it was
# to refuse. Two differences are silent: metadata without entries is true, and it never equals a dict.
# `metadata["order_id"]`, `"order_id" in metadata`, `getattr(metadata, "order_id", None)` and `to_dict()` work.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check stripe==16.1.0
cat > "$folder/seen.py" <<'PY'
import json

import stripe


def intent(metadata):
    return stripe.PaymentIntent.construct_from({"id": "pi_1", "object": "payment_intent", "metadata": metadata}, "sk")


def told(ask):
    try:
        return ask()
    except (AttributeError, TypeError) as error:
        return type(error).__name__


paid, none = intent({"order_id": "7"}).metadata, intent({}).metadata
seen = {
    "get": told(lambda: paid.get("order_id")),
    "items": told(lambda: list(paid.items())),
    "dict": told(lambda: dict(paid)),
    "json.dumps": told(lambda: json.dumps(paid)),
    "true without entries": bool(none),
    "equals a dict": paid == {"order_id": "7"},
    "[]": paid["order_id"],
    "in": "order_id" in none,
    "getattr": getattr(none, "order_id", None),
    "to_dict": paid.to_dict(),
}
print("stripe", stripe.VERSION)
for way, came in seen.items():
    print(f"{way}: {came}")
assert seen == {
    "get": "AttributeError",
    "items": "AttributeError",
    "dict": "TypeError",
    "json.dumps": "TypeError",
    "true without entries": True,
    "equals a dict": False,
    "[]": "7",
    "in": False,
    "getattr": None,
    "to_dict": {"order_id": "7"},
}, "the behaviour has changed"
PY
"$folder/venv/bin/python" "$folder/seen.py"
