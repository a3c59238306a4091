/** A payment that redis-lock 1.0.0 is to keep from being made twice. */

const http = require("node:http");
const { Pool } = require("pg");
const redis = require("redis");
const redisLock = require("redis-lock");
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

const client = redis.createClient({ url: process.env.REDIS_URL });
const lock = redisLock(client);

async function pay(id) {
  const done = await lock(`order ${id}`);
  try {
    return await payUnderLock(id);
  } finally {
    await done();
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

client.connect().then(() => server.listen(process.env.PORT, "127.0.0.1"));
