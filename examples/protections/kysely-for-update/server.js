/** A payment that a row lock of Kysely 0.29.9 is to keep from being made twice. */

const http = require("node:http");
const { Kysely, PostgresDialect } = require("kysely");
const { Pool } = require("pg");
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

const pool = new Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely({ dialect: new PostgresDialect({ pool }) });

function pay(id) {
  return db.transaction().execute(async (trx) => {
    const order = await trx
      .selectFrom("orders")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirstOrThrow();
    if (order.status !== "unpaid") return 409;
    await charge(id);
    await trx.updateTable("orders").set({ status: "paid" }).where("id", "=", id).execute();
    return 201;
  });
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
