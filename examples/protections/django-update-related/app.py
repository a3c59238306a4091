"""A payment that a conditional update of Django 5.2.19 is to keep from being made twice."""

import os
import secrets
from urllib.parse import urlsplit

import django
import stripe
import waitress
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

_base = os.environ.get("STRIPE_API_BASE")  # unset in production
_stripe = stripe.StripeClient(
    os.environ["STRIPE_API_KEY"],
    max_network_retries=0,
    base_addresses={"api": _base} if _base else {},
)


def charge(order):
    """Charge the order's card. Nothing but the library above stands in the way of a second time."""
    _stripe.v1.payment_intents.create(
        {
            "amount": 1999,
            "currency": "eur",
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "confirm": True,
            "metadata": {"order": str(order)},
        }
    )


_url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY=secrets.token_hex(),
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _url.path[1:],
            "USER": _url.username,
            "PASSWORD": _url.password,
            "HOST": _url.hostname,
            "PORT": _url.port,
        }
    },
)
django.setup()

from django.db import models  # noqa: E402 (it reads the settings)


class Customer(models.Model):
    name = models.TextField()

    class Meta:
        app_label = "shop"
        db_table = "customers"


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT)
    status = models.TextField()
    amount = models.IntegerField()

    class Meta:
        app_label = "shop"
        db_table = "orders"


def pay(request, order_id):
    mine = Order.objects.filter(pk=order_id, customer__name="Ada")
    if mine.filter(status="unpaid").update(status="paying") == 0:
        return HttpResponse(status=409)
    charge(order_id)
    Order.objects.filter(pk=order_id).update(status="paid")
    return HttpResponse(status=201)


urlpatterns = [
    path("health", lambda request: HttpResponse()),
    path("orders/<int:order_id>/pay", pay),
]

if __name__ == "__main__":
    service = get_wsgi_application()
    waitress.serve(service, host="127.0.0.1", port=int(os.environ["PORT"]), threads=4)
