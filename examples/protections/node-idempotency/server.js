/** A payment behind @node-idempotency/core 1.0.11 with its Redis adapter. */

const express = require("express");
const { Idempotency } = require("@node-idempotency/core");
const { RedisStorageAdapter } = require("@node-idempotency/storage-adapter-redis");
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

const storage = new RedisStorageAdapter({ url: process.env.REDIS_URL });
const idempotency = new Idempotency(storage, {});
const app = express();
app.get("/health", (request, response) => response.sendStatus(200));
app.use(express.json());
app.post("/pay", async (request, response) => {
  const { method, headers, body, path } = request;
  let seen;
  try {
    seen = await idempotency.onRequest({ method, headers, body, path });
  } catch (error) {
    return response.status(409).send({ error: error.message });
  }
  if (seen) return response.status(seen.additional.status).send(seen.body);
  const intent = await charge(body.order);
  const answer = { body: { intent: intent.id }, additional: { status: 201 } };
  await idempotency.onResponse({ method, headers, body, path }, answer);
  response.status(201).send(answer.body);
});

storage.connect().then(() => app.listen(process.env.PORT, "127.0.0.1"));
