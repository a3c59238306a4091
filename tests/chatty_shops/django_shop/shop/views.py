"""Log in, put an order together, pay for it. ``VARIANT`` says how paying is guarded."""

import json
import os

import stripe
from django.contrib.auth import authenticate, login
from django.db import transaction
from django.http import JsonResponse

from shop.models import Address, Customer, Event, Line, Order, Payment, PriceRule, Product, TaxRate

stripe.api_base = os.environ["STRIPE_API_BASE"]
stripe.api_key = os.environ["STRIPE_API_KEY"]
stripe.max_network_retries = 0
LOCKED = os.environ["VARIANT"] == "locked"


def up(request):
    return JsonResponse({"up": True})


def log_in(request):
    asked = json.loads(request.body)
    user = authenticate(request, username=asked["name"], password=asked["password"])
    if user is None:
        return JsonResponse({"error": "who"}, status=403)
    login(request, user)
    return JsonResponse({"user": user.pk})


def create(request):
    customer = Customer.objects.get(user=request.user)
    order = Order.objects.create(customer=customer)
    for product in Product.objects.order_by("id")[:6]:
        Line.objects.create(order=order, product=product, amount=1)
    return JsonResponse({"id": order.pk}, status=201)


def pay(request, number):
    customer = Customer.objects.get(user=request.user)
    with transaction.atomic():
        orders = Order.objects.select_for_update() if LOCKED else Order.objects
        order = orders.get(pk=number, customer=customer)
        if order.status != "open":
            return JsonResponse({"error": "not open"}, status=409)
        total = _priced(order, customer)
        intent = stripe.PaymentIntent.create(
            amount=total,
            currency="eur",
            confirm=True,
            payment_method="pm_card_visa",
            payment_method_types=["card"],
            metadata={"order_id": str(order.pk)},
            idempotency_key=os.urandom(16).hex(),
        )
        with transaction.atomic():
            Payment.objects.create(order=order, intent=intent.id, amount=total)
            Event.objects.create(order=order, what="paid")
        order.status, order.total, order.intent = "paid", total, intent.id
        order.save()
    request.session["last_order"] = order.pk
    return JsonResponse({"status": "paid", "total": total})


def _priced(order, customer):
    address = Address.objects.filter(customer=customer).first()
    total = 0
    for line in order.lines.order_by("id"):
        with transaction.atomic():
            product = Product.objects.get(pk=line.product_id)
            rule = PriceRule.objects.filter(product=product, tier=customer.tier).first()
            rate = TaxRate.objects.get(country=address.country, category=product.category)
            price = product.price - (rule.off if rule else 0)
            line.taxed = price * line.amount * (100 + rate.percent) // 100
            line.save(update_fields=["taxed"])
            Event.objects.create(order=order, what=f"priced {line.pk}")
            total += line.taxed
    return total
