"""Phrases for what happens in a history, for people who never saw the code. Pure."""

from __future__ import annotations

from paidonce.harness.history import Action, Operation, Outcome
from paidonce.reports.order.story import OrderStory, PaymentCall
from paidonce.reports.words import short_id

_VERBS = {
    Action.PAY: ("Pay", "asks to pay"),
    Action.CREATE_INTENT: ("Prepare payment", "asks to prepare a payment"),
    Action.CANCEL: ("Cancel", "asks to cancel the order"),
    Action.REFUND: ("Refund", "asks for a refund"),
    Action.CHANGE_AMOUNT: ("Change amount", "asks to change the amount"),
    Action.WEBHOOK: ("Webhook", "brings Stripe's news"),
    Action.READ: ("Read", "looks at the order"),
    Action.CONFIRM_IN_BROWSER: ("Confirm", "confirms the payment in the browser"),
    Action.CHECKOUT: ("Checkout", "asks for a page to pay on"),
    Action.PAY_ON_PAGE: ("Pay on the page", "pays on Stripe's page"),
    Action.COME_BACK: ("Return page", "comes back from Stripe's page"),
    Action.REDEEM: ("Coupon", "uses a coupon"),
    Action.RENEW: ("Renewals", "looks for paid renewals"),
    Action.WAIT: ("Wait", "lets time pass"),
    Action.REQUEST: ("Request", "asks"),
}


def letters(story: OrderStory) -> dict[str, str]:
    """A letter for each payment, in the order in which they were made: A, B, … Z, A2 …"""
    letter_of: dict[str, str] = {}
    made = [call.payment for call in story.calls if call.made and call.payment is not None]
    for payment in [*made, *story.taken]:
        if payment not in letter_of:
            turn, place = divmod(len(letter_of), 26)
            letter_of[payment] = chr(ord("A") + place) + (str(turn + 1) if turn else "")
    return letter_of


def payment_name(story: OrderStory, payment: str | None) -> str:
    """ "payment A (pi_…x9Qk)", by the letter it has in the picture."""
    letter = letters(story).get(payment or "")
    if payment is None:
        return "a payment"
    return f"payment {letter} ({short_id(payment)})" if letter else f"payment {short_id(payment)}"


def request_label(story: OrderStory, operation: Operation) -> str:
    """The few words in a bar: "Pay 49.90 USD"."""
    action = operation.invoked.action
    if action is Action.REQUEST:
        return _requested(operation)
    label = _VERBS[action][0]
    amount = operation.invoked.args.get("amount")
    if isinstance(amount, int):
        return f"{label} {story.price(amount)}"
    return (
        f"{label} {story.price()}" if action is Action.PAY and story.amount is not None else label
    )


def request_words(story: OrderStory, operation: Operation) -> str:
    """ "tab 1 asks to pay 49.90 USD"."""
    invoked = operation.invoked
    if invoked.action is Action.REQUEST:
        return f"{invoked.attempt} asks: {_requested(operation)}."
    words = f"{invoked.attempt} {_VERBS[invoked.action][1]}"
    amount = invoked.args.get("amount")
    if isinstance(amount, int):
        joint = {Action.REFUND: "of", Action.CHANGE_AMOUNT: "to"}.get(invoked.action, "")
        words += f" {joint} {story.price(amount)}".replace("  ", " ")
    elif invoked.action is Action.PAY and story.amount is not None:
        words += f" {story.price()}"
    event = invoked.args.get("event")
    if invoked.action is Action.WEBHOOK and event:
        words += f" ({event})"
    shared = sum(other.invoked.key == invoked.key for other in story.operations) > 1
    if invoked.key and shared:
        words += f", with idempotency key {short_id(invoked.key)}"
    return words + "."


def _requested(operation: Operation) -> str:
    """Return what a step asks for: the name the target gives it, an event, or its method and
    path."""
    args = operation.invoked.args
    return str(args.get("name") or args.get("event") or args.get("request", "a request"))


def answer_label(story: OrderStory, operation: Operation) -> str:
    """The few words behind a bar: "200 paid, payment A"."""
    completed = operation.completed
    if completed is None or completed.outcome is Outcome.UNKNOWN:
        return "no answer"
    status = f"{completed.status} " if completed.status is not None else ""
    if completed.outcome is Outcome.REJECTED:
        return f"{status}{completed.code or 'rejected'}"
    if completed.outcome is Outcome.FAILED:
        return f"{status}error"
    word = "done"
    if operation.invoked.action is Action.PAY:
        word = "paid"
    elif completed.value.get("success"):
        word = "success"
    letter = letters(story).get(str(completed.value.get("payment_id")))
    return f"{status}{word}{f', payment {letter}' if letter else ''}"


def answer_words(story: OrderStory, operation: Operation) -> str:
    """ "tab 1 is told that it paid (200)."."""
    who, completed = operation.invoked.attempt, operation.completed
    if completed is None or completed.outcome is Outcome.UNKNOWN:
        return f"{who} gets no answer: whether it happened, it cannot know."
    status = f" ({completed.status})" if completed.status is not None else ""
    if completed.code == "not yet":
        return f"{who} is told that it is not there yet{status}."
    if completed.outcome is Outcome.REJECTED:
        reason = f": {completed.code}" if completed.code else ""
        return f"{who} is turned away{reason}{status}."
    if completed.outcome is Outcome.FAILED:
        return f"{who} gets an error{status}, which does not say what happened."
    outcome = "that it succeeded" if completed.value.get("success") else "that all is done"
    if operation.invoked.action is Action.PAY:
        payment = completed.value.get("payment_id")
        named = isinstance(payment, str) and payment in letters(story)
        outcome = "that it has paid" + (f", with {payment_name(story, payment)}" if named else "")
    again = ", the same answer as before" if completed.replayed else ""
    return f"{who} is told {outcome}{again}{status}."


def call_label(story: OrderStory, call: PaymentCall) -> str:
    """The few words at a Stripe call: "takes 49.90 USD"."""
    if call.took and call.payment is not None:
        return f"takes {story.price(story.taken.get(call.payment))}"
    if call.made:
        return "makes an intent"
    answer = call.effect.answer
    if answer is None:
        return "no answer"
    if _refused(call):
        return (
            f"refuses: {answer.get('decline_code') or answer.get('code') or answer.get('status')}"
        )
    if call.effect.label == "refund.create":
        return f"refunds {_amount(story, call)}".strip()
    return {
        "payment_intent.cancel": "cancels the intent",
        "payment_intent.confirm": "confirms",
        "payment_intent.update": "changes the intent",
        "payment_intent.create": "the same intent",
    }.get(call.effect.label, call.effect.label.replace("_", " ").replace(".", ": "))


def call_words(story: OrderStory, call: PaymentCall, owner: str | None) -> str:
    """Return what Stripe did, in a sentence; ``owner`` is the attempt it did it for, if known."""
    whom = f" for {owner}" if owner else ""
    answer = call.effect.answer or {}
    name = payment_name(story, call.payment)
    if call.took and call.payment is not None:
        first = next(iter(story.taken), None) == call.payment
        again = "" if first else " again"
        words = f"Stripe takes {story.price(story.taken.get(call.payment))}{again}{whom}: {name}"
    elif call.made:
        words = f"Stripe makes a payment intent{whom}: {name}"
    elif call.effect.answer is None:
        words = f"Stripe gives no answer to {call.effect.label}{whom}"
    elif _refused(call):
        words = f"Stripe refuses {call.effect.label}{whom}: {_why(call)}"
    elif call.effect.label == "refund.create":
        words = f"Stripe refunds {_amount(story, call)}{whom}"
    elif call.effect.label == "payment_intent.cancel":
        words = f"Stripe cancels {name}{whom}"
    else:
        state = f", which is {answer['state']}" if answer.get("state") else ""
        words = f"Stripe answers {call.effect.label}{whom}: {name}{state}"
    lost = "; the service never sees the answer" if not call.effect.delivered else ""
    return f"{words}{lost}."


def _refused(call: PaymentCall) -> bool:
    status = (call.effect.answer or {}).get("status")
    return isinstance(status, int) and status >= 400


def _why(call: PaymentCall) -> str:
    answer = call.effect.answer or {}
    return str(answer.get("decline_code") or answer.get("code") or answer.get("status"))


def _amount(story: OrderStory, call: PaymentCall) -> str:
    amount = (call.effect.answer or {}).get("amount")
    return story.price(amount) if isinstance(amount, int) else "money"


def conclusion(story: OrderStory, reason: str) -> str:
    """Return what it came to, in plain words: who paid how much for what; else the checker's
    reason."""
    known = letters(story)
    if len(story.taken) > 1:
        parts = [
            f"{story.price(story.taken[payment])} as payment {letter} ({short_id(payment)})"
            for payment, letter in known.items()
            if payment in story.taken
        ]
        times = {2: "twice", 3: "three times"}.get(len(parts), f"{len(parts)} times")
        listed = f"{', '.join(parts[:-1])} and {parts[-1]}"
        total = story.price(sum(story.taken.values()))
        order = f" for an order of {story.price()}" if story.amount is not None else ""
        return f"The customer paid {times}: Stripe took {listed}. That is {total}{order}."
    made = [call.payment for call in story.calls if call.made]
    if len(made) > 1:
        names = [payment_name(story, payment) for payment in made]
        listed = f"{', '.join(names[:-1])} and {names[-1]}"
        return (
            f"One order has {len(made)} payment intents, {listed}: each of them can be paid, "
            "so the customer can be charged more than once."
        )
    for identifier in (story.order, *known):
        reason = reason.replace(identifier, short_id(identifier))
    return reason[:1].upper() + reason[1:]
