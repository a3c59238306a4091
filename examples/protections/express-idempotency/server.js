/** A payment behind express-idempotency 1.0.6, as its README begins: kept in memory. */

const express = require("express");
const { getSharedIdempotencyService, idempotency } = require("express-idempotency");
const Stripe = require("stripe");

const base = process.env.STRIPE_API_BASE && new URL(process.env.STRIPE_API_BASE); // unset in production
const stripe = new Stripe(process.env.STRIPE_API_KEY, {
  maxNetworkRetries: 0,
  ...(base && { host: base.hostname, port: base.port, protocol: "http" }),
});

/** Charges the order's card. Nothing but the library above stands in the way of a second time. */
function charge(order) {
  return stripe.paymentIntents.create({
    amount: 1999,
    currency: "eur",
    payment_method: "pm_card_visa",
    automatic_payment_methods: { enabled: true, allow_redirects: "never" },
    confirm: true,
    metadata: { order },
  });
}

const app = express();
app.get("/health", (request, response) => response.sendStatus(200));
app.use(express.json());
app.use(idempotency());
app.post("/pay", async (request, response) => {
  const service = getSharedIdempotencyService();
  if (service.isHit(request)) return;
  const intent = await charge(request.body.order);
  response.status(201).send({ intent: intent.id });
});

app.listen(process.env.PORT, "127.0.0.1");
