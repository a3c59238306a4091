"""Asks for Stripe itself by one of Python's clients."""

import sys

STRIPE = "https://api.stripe.com/v1/charges"


def by_urllib():
    import urllib.request

    urllib.request.urlopen(STRIPE)


def by_requests():
    import requests

    requests.get(STRIPE, timeout=80)


def by_httpx():
    import httpx

    httpx.get(STRIPE)


def by_stripe():
    import stripe

    stripe.api_key = "sk_test_123"
    stripe.Balance.retrieve()


try:
    globals()[f"by_{sys.argv[1]}"]()
except Exception as error:
    print("refused:", error)
else:
    print("answered")
