"""Money, durations, numbers and ids in words people read at a glance."""

from __future__ import annotations

from datetime import datetime

# Currencies whose minor unit is not a hundredth, as Stripe counts them:
# https://docs.stripe.com/currencies#zero-decimal and #three-decimal.
_DIGITS = dict.fromkeys(
    (
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
    ),
    0,
) | dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 3)


def money(amount: int, currency: str) -> str:
    """``amount`` minor units of an ISO 4217 ``currency``: ``money(4990, "usd")`` is "49.90 USD"."""
    digits = _DIGITS.get(currency.lower(), 2)
    sign, value = ("−" if amount < 0 else ""), abs(amount)
    whole, part = divmod(value, 10**digits)
    fraction = f".{part:0{digits}d}" if digits else ""
    return f"{sign}{whole:,}{fraction} {currency.upper()}".strip()


def duration(nanoseconds: float) -> str:
    """A span of time with two or three figures: "0.4 ms", "184 ms", "1.24 s", "2 min 5 s"."""
    milliseconds = nanoseconds / 1e6
    if milliseconds < 0.95 and milliseconds > 0:
        return f"{milliseconds:.1f} ms" if milliseconds >= 0.05 else f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def moment(text: str) -> str:
    """An ISO 8601 time in UTC for people: "2025-03-14 09:26:53 UTC"; anything else as it is."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{found:%Y-%m-%d %H:%M:%S}{' UTC' if not found.utcoffset() else f' {found:%z}'}"


def number(value: float) -> str:
    """A count as it is, a measurement with three figures: "12,400", "0.42", "17.5", "184"."""
    size = abs(value)
    if isinstance(value, int) or value == 0 or size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def percent(share: float) -> str:
    """``0.123`` is "12 %"; what is not nothing is never shown as 0 %."""
    hundredths = share * 100
    if 0 < hundredths < 0.05:
        return "< 0.1 %"
    if hundredths == int(hundredths) or hundredths >= 10:
        return f"{hundredths:.0f} %"
    return f"{hundredths:.1f} %"


def short_id(identifier: str, keep: int = 4) -> str:
    """A long Stripe id with its prefix and end only: "pi_…x9Qk"; a short one as it is."""
    prefix, underscore, rest = identifier.partition("_")
    if len(identifier) <= 14 or not underscore:
        return identifier if len(identifier) <= 14 else f"{identifier[:4]}…{identifier[-keep:]}"
    return f"{prefix}_…{rest[-keep:]}"
