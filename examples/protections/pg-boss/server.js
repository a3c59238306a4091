/** A payment in a job of pg-boss 12.38.0, whose singletonKey is to keep it from being made twice. */

const http = require("node:http");
const { Pool } = require("pg");
const { PgBoss } = require("pg-boss");
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

const db = new Pool({ connectionString: process.env.DATABASE_URL });
const seconds = Number(process.env.POLL_S ?? 2);
const boss = new PgBoss({
  connectionString: process.env.DATABASE_URL,
  useListenNotify: true,
  supervise: false,
  schedule: false,
  bamIntervalSeconds: Math.max(60, seconds),
});
boss.on("error", console.error);

/** The job: charges an order that is not paid yet. */
async function settle([{ data }]) {
  const { rows } = await db.query("SELECT status FROM orders WHERE id = $1", [data.id]);
  if (rows[0].status !== "unpaid") return;
  await charge(data.id);
  await db.query("UPDATE orders SET status = 'paid' WHERE id = $1", [data.id]);
}

async function pay(id) {
  const job = await boss.send("settle", { id }, { singletonKey: `order ${id}` });
  return job === null ? 409 : 202;
}

const server = http.createServer(async (request, response) => {
  let status = 200;
  try {
    if (request.url !== "/health") status = await pay(1);
  } catch (error) {
    console.error(error);
    status = 500;
  }
  response.writeHead(status).end();
});

async function main() {
  await boss.start();
  await boss.createQueue("settle", { policy: "exclusive", notify: true });
  await boss.work("settle", { pollingIntervalSeconds: seconds, notifyPollingIntervalSeconds: seconds }, settle);
  server.listen(process.env.PORT, "127.0.0.1");
}

main();
