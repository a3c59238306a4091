/** A payment that a row lock of Drizzle 0.45.4 is to keep from being made twice. */

const http = require("node:http");
const { eq } = require("drizzle-orm");
const { drizzle } = require("drizzle-orm/node-postgres");
const { integer, pgTable, text } = require("drizzle-orm/pg-core");
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

const orders = pgTable("orders", {
  id: integer().primaryKey(),
  status: text().notNull(),
  amount: integer().notNull(),
});
const db = drizzle(process.env.DATABASE_URL);

function pay(id) {
  return db.transaction(async (tx) => {
    const [order] = await tx.select().from(orders).where(eq(orders.id, id)).for("update");
    if (order.status !== "unpaid") return 409;
    await charge(id);
    await tx.update(orders).set({ status: "paid" }).where(eq(orders.id, id));
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
