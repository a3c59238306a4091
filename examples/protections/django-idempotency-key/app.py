"""A payment behind django-idempotency-key 1.3.0, its keys and its lock in Redis."""

import os
import secrets

import django
import stripe
import waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
_stripe = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)


def charge(order, amount):
    """Charge the order's card. Nothing but the library above stands in the way of a second time."""
    return _stripe.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order": order},
        }
    ).id


settings.configure(
    SECRET_KEY=secrets.token_hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["idempotency_key.middleware.IdempotencyKeyMiddleware"],
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["REDIS_URL"],
        }
    },
    IDEMPOTENCY_KEY={
        "STORAGE": {"CLASS": "idempotency_key.storage.CacheKeyStorage", "CACHE_NAME": "default"},
        "LOCK": {
            "CLASS": "idempotency_key.locks.redis.MultiProcessRedisLock",
            "LOCATION": os.environ["REDIS_URL"],
            "NAME": "payments",
            "TTL": 60,
            "ENABLE": True,
            "TIMEOUT": 10,
        },
    },
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
)
django.setup()

from rest_framework.decorators import api_view  # noqa: E402 (it reads the settings)
from rest_framework.response import Response  # noqa: E402


@api_view(["POST"])
def pay(request):
    return Response({"intent": charge(request.data["order"], request.data["amount"])}, status=201)


urlpatterns = [path("health", lambda request: JsonResponse({})), path("pay", pay)]

if __name__ == "__main__":
    service = get_wsgi_application()
    waitress.serve(service, host="127.0.0.1", port=int(os.environ["PORT"]), threads=4)
