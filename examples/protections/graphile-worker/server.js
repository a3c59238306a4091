/** A payment in a job of graphile-worker 0.18.0, whose jobKey is to keep it from being made twice. */

const http = require("node:http");
const { makeWorkerUtils, run } = require("graphile-worker");
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

const database = { connectionString: process.env.DATABASE_URL };

/** The job: charges an order that is not paid yet. */
async function settle({ id }, helpers) {
  const { rows } = await helpers.query("SELECT status FROM orders WHERE id = $1", [id]);
  if (rows[0].status !== "unpaid") return;
  await charge(id);
  await helpers.query("UPDATE orders SET status = 'paid' WHERE id = $1", [id]);
}

let utils;

async function pay(id) {
  await utils.addJob("settle", { id }, { jobKey: `order ${id}` });
  return 202;
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
  utils = await makeWorkerUtils(database);
  const pollInterval = Number(process.env.POLL_MS ?? 2000);
  await run({ ...database, concurrency: 5, pollInterval, taskList: { settle } });
  server.listen(process.env.PORT, "127.0.0.1");
}

main();
