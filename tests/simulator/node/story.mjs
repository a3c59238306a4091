// Stripe's own library for Node against a simulator: prints what came of each part as JSON.
import { createServer } from "node:http";
import Stripe from "stripe";

const url = new URL(process.argv[2]);
const connection = { host: url.hostname, port: url.port, protocol: "http", telemetry: false };
const stripe = new Stripe("sk_test_paidonce", { ...connection, maxNetworkRetries: 0 });
const visa = { amount: 1000, currency: "usd", confirm: true, payment_method: "pm_card_visa" };
const told = {};

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    const { type, code, decline_code, statusCode } = error;
    return { type, code, decline_code, statusCode, intent: error.payment_intent?.status };
  }
  return null;
}

// A payment, whole and in steps, and what was made of it.
const paid = await stripe.paymentIntents.create({ ...visa, expand: ["latest_charge"] });
told.payment = { status: paid.status, received: paid.amount_received, charge: paid.latest_charge.status };
const step = await stripe.paymentIntents.create({ amount: 500, currency: "usd", metadata: { order: "o-1" } });
const done = await stripe.paymentIntents.confirm(step.id, { payment_method: "pm_card_mastercard" });
told.steps = { status: done.status, order: done.metadata.order };
const listed = [];
for await (const intent of stripe.paymentIntents.list({ limit: 1 })) listed.push(intent.id);
told.listed = listed.length === 2 && listed[0] === step.id && listed[1] === paid.id;

told.decline = await failure(
  stripe.paymentIntents.create({ ...visa, payment_method: "pm_card_chargeDeclinedInsufficientFunds" }),
);

// 3D Secure: asked, answered where the payer is sent, paid.
const asked = await stripe.paymentIntents.create({
  ...visa,
  payment_method: "pm_card_threeDSecure2Required",
  return_url: "http://127.0.0.1:9/back",
});
const answer = await fetch(asked.next_action.redirect_to_url.url, {
  method: "POST",
  body: new URLSearchParams({ outcome: "complete" }),
  redirect: "manual",
});
const authenticated = await stripe.paymentIntents.retrieve(asked.id);
told.three_d_secure = { asked: asked.status, answer: answer.status, then: authenticated.status };

const refund = await stripe.refunds.create({ payment_intent: paid.id, amount: 400 });
told.refund = {
  status: refund.status,
  too_much: (await failure(stripe.refunds.create({ payment_intent: paid.id, amount: 601 })))?.statusCode,
};

// One key, twice; and with other parameters.
const first = await stripe.paymentIntents.create(visa, { idempotencyKey: "node-1" });
const second = await stripe.paymentIntents.create(visa, { idempotencyKey: "node-1" });
told.replay = {
  same: first.id === second.id,
  header: second.lastResponse.headers["idempotent-replayed"] ?? null,
  mismatch: (await failure(stripe.paymentIntents.create({ ...visa, amount: 2000 }, { idempotencyKey: "node-1" })))?.type,
};

// A webhook, verified by the library.
let received;
const event = new Promise((resolve) => (received = resolve));
const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    response.end();
    received({ body: Buffer.concat(parts), signature: request.headers["stripe-signature"] });
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const endpoint = await stripe.webhookEndpoints.create({
  url: `http://127.0.0.1:${server.address().port}/hook`,
  enabled_events: ["payment_intent.succeeded"],
});
const announced = await stripe.paymentIntents.create(visa);
const { body, signature } = await event;
const verified = stripe.webhooks.constructEvent(body, signature, endpoint.secret);
told.webhook = { type: verified.type, about: verified.data.object.id === announced.id };
server.close();

// The library's own retries hide an answer that was lost, thanks to the key it makes up.
const retrying = new Stripe("sk_test_paidonce", { ...connection, maxNetworkRetries: 2 });
await fetch(new URL("/_control/faults", url), {
  method: "POST",
  headers: { "Paidonce-Control": "1" },
  body: JSON.stringify({ rules: [{ fault: { kind: "reset", when: "after" }, times: 1 }] }),
});
const before = (await stripe.charges.list({ limit: 100 })).data.length;
const survived = await retrying.paymentIntents.create(visa);
const after = (await stripe.charges.list({ limit: 100 })).data.length;
told.retries = { status: survived.status, charges: after - before };

console.log(JSON.stringify(told));
