from django.db import models


class Order(models.Model):
    amount = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="usd")
    payment_status = models.CharField(max_length=20, default="unpaid")
    payment_intent_id = models.CharField(max_length=255, blank=True, default="")

    def as_dict(self):
        return {
            "currency": self.currency,
            "id": self.pk,
            "amount": self.amount,
            "payment_status": self.payment_status,
            "payment_intent_id": self.payment_intent_id,
        }
