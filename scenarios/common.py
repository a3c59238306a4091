"""The parts that several scenarios share: the checkers that apply to a kind of story."""

from __future__ import annotations

CHECKERS_OF_A_PAYMENT = (
    "one-success",
    "clean-rejections",
    "one-intent",
    "one-charge",
    "ledger-agrees",
    "amounts-agree",
    "linearizable",
    "progress",
)

CHECKERS_OF_A_CHECKOUT = (
    "clean-rejections",
    "one-charge",
    "ledger-agrees",
    "amounts-agree",
    "handed-out-once",
    "linearizable",
)

CHECKERS_OF_A_REFUND = (
    "one-charge",
    "clean-rejections",
    "ledger-agrees",
    "refunds-bounded",
    "linearizable",
)
