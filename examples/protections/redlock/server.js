/** A payment that a lock of redlock 5.0.0-beta.2 in one Redis is to keep from being made twice. */

const http = require("node:http");
const Redis = require("ioredis");
const { Pool } = require("pg");
const { default: Redlock, ExecutionError } = require("redlock");
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

async function payUnderLock(id) {
  const { rows } = await db.query("SELECT status FROM orders WHERE id = $1", [id]);
  if (rows[0].status !== "unpaid") return 409;
  await charge(id);
  await db.query("UPDATE orders SET status = 'paid' WHERE id = $1", [id]);
  return 201;
}

const redlock = new Redlock([new Redis(process.env.REDIS_URL)], { retryCount: 0 });

async function pay(id) {
  try {
    return await redlock.using([`order ${id}`], 5000, () => payUnderLock(id));
  } catch (error) {
    if (error instanceof ExecutionError) return 409;
    throw error;
  }
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

server.listen(process.env.PORT, "127.0.0.1");
