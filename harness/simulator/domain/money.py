"""Currencies: which exist, the smallest charge in each, and how an amount is written.

Source: https://docs.stripe.com/currencies (presentment currencies, zero-decimal currencies,
minimum and maximum charge amounts).
"""

from __future__ import annotations


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


CURRENCIES = _codes("""
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp
    byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip
    gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt
    lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr
    nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd
    std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar
    zmw
""")

ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf")

THREE_DECIMAL = _codes("bhd jod kwd omr tnd")

MAXIMUM = 99_999_999

_MINIMUM = {
    "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250,
    "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50,
    "thb": 1000, "usd": 50,
}  # fmt: skip

_SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def minimum(currency: str) -> int:
    """The smallest amount that may be charged, in the smallest unit; 1 where none is listed."""
    return _MINIMUM.get(currency, 1)


def written(amount: int, currency: str) -> str:
    """The amount as Stripe's messages show it: ``$10.00``, ``¥500`` or ``10.00 sek``."""
    if currency in ZERO_DECIMAL:
        number = f"{amount}"
    elif currency in THREE_DECIMAL:
        number = f"{amount / 1000:.3f}"
    else:
        number = f"{amount / 100:.2f}"
    sign = _SIGNS.get(currency)
    return f"{number} {currency}" if sign is None else sign + number


def fee(amount: int) -> int:
    """The processing fee: 2.9 % rounded half up, plus 30, never more than the amount.

    Stripe's United States price for cards (https://stripe.com/pricing), used for every currency:
    a balance transaction needs a fee, and nothing here depends on its size.
    """
    return min(amount, (amount * 29 + 500) // 1000 + 30)
