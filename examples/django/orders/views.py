import json

import stripe
from django.db import connection
from django.http import JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST

from orders import payments
from orders.models import Order


def health(request):
    connection.ensure_connection()
    return JsonResponse({"ok": True})


@require_POST
def create(request):
    order = Order.objects.create(amount=json.loads(request.body)["amount"])
    return JsonResponse(order.as_dict(), status=201)


@require_GET
def show(request, order_id):
    return JsonResponse(get_object_or_404(Order, pk=order_id).as_dict())


@require_POST
def pay(request, order_id):
    body = json.loads(request.body or "{}")
    try:
        order = payments.pay(order_id, body.get("payment_method", "pm_card_visa"))
    except Order.DoesNotExist:
        return JsonResponse({"error": "no such order"}, status=404)
    except payments.AlreadyPaid:
        return JsonResponse({"error": "already paid"}, status=409)
    except stripe.CardError as error:
        return JsonResponse({"error": error.user_message}, status=402)
    return JsonResponse(order.as_dict())
