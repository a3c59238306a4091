/** A payment on a message of @imqueue/pg-pubsub 1.10.0, which one process is to be handed. */

const http = require("node:http");
const { Pool } = require("pg");
const { PgPubSub } = require("@imqueue/pg-pubsub");
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

const connectionString = process.env.DATABASE_URL;
const db = new Pool({ connectionString });
const messages = new PgPubSub({ connectionString, executionLock: true, logger: console });

/** Charges an order that is not paid yet. */
async function settle({ id }) {
  const { rows } = await db.query("SELECT status FROM orders WHERE id = $1", [id]);
  if (rows[0].status !== "unpaid") return;
  await charge(id);
  await db.query("UPDATE orders SET status = 'paid' WHERE id = $1", [id]);
}

const server = http.createServer(async (request, response) => {
  let status = 200;
  try {
    if (request.url !== "/health") {
      await messages.notify("settle", { id: 1 });
      status = 202;
    }
  } catch (error) {
    console.error(error);
    status = 500;
  }
  response.writeHead(status).end();
});

async function main() {
  messages.on("connect", () => messages.listen("settle"));
  messages.channels.on("settle", (message) => settle(message).catch(console.error));
  await messages.connect();
  server.listen(process.env.PORT, "127.0.0.1");
}

main();
