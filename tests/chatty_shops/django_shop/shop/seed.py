"""What is in the shop before anybody comes: settings, a catalogue, and customers."""

from django.contrib.auth.models import User

from shop.models import Address, Customer, Flag, Order, PriceRule, Product, Setting, TaxRate


def seed() -> None:
    for number in range(30):
        Setting.objects.create(name=f"setting-{number}", value=str(number))
        Flag.objects.create(name=f"flag-{number}", everyone=number % 2 == 0)
    for country in ("de", "fr"):
        for category in ("book", "food"):
            TaxRate.objects.create(country=country, category=category, percent=19)
    for number in range(20):
        product = Product.objects.create(
            name=f"product {number}", category=("book", "food")[number % 2], price=100 + number
        )
        PriceRule.objects.create(product=product, tier="plain", off=number)
    for name in ("alice", "bob", "carol"):
        user = User.objects.create_user(name, password="secret")
        customer = Customer.objects.create(user=user)
        Address.objects.create(customer=customer, country="de")
        Order.objects.create(customer=customer, status="paid", total=10)
