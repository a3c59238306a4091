from django.conf import settings
from django.db import models


class Setting(models.Model):
    name = models.CharField(max_length=80, unique=True)
    value = models.TextField()


class Flag(models.Model):
    name = models.CharField(max_length=80, unique=True)
    everyone = models.BooleanField(default=False)


class Customer(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    tier = models.CharField(max_length=20, default="plain")


class Address(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    country = models.CharField(max_length=2)


class TaxRate(models.Model):
    country = models.CharField(max_length=2)
    category = models.CharField(max_length=20)
    percent = models.IntegerField()


class Product(models.Model):
    name = models.CharField(max_length=80)
    category = models.CharField(max_length=20)
    price = models.IntegerField()


class PriceRule(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    tier = models.CharField(max_length=20)
    off = models.IntegerField()


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    status = models.CharField(max_length=20, default="open")
    total = models.IntegerField(default=0)
    intent = models.CharField(max_length=80, null=True)
    updated = models.DateTimeField(auto_now=True)


class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    amount = models.IntegerField()
    taxed = models.IntegerField(default=0)


class Event(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    what = models.CharField(max_length=80)
    at = models.DateTimeField(auto_now_add=True)


class Payment(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    intent = models.CharField(max_length=80, unique=True)
    amount = models.IntegerField()


class Audit(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    path = models.CharField(max_length=200)
    status = models.IntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True)
