/** A payment that TypeORM 1.1.1's version column is to keep from being made twice. */

const http = require("node:http");
const { DataSource, EntitySchema } = require("typeorm");
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

const Order = new EntitySchema({
  name: "orders",
  columns: {
    id: { type: "int", primary: true },
    status: { type: "text" },
    amount: { type: "int" },
    version: { type: "int", version: true }, // what @VersionColumn() declares
  },
});
const source = new DataSource({ type: "postgres", url: process.env.DATABASE_URL, entities: [Order] });

async function pay(id) {
  const orders = source.getRepository(Order);
  const order = await orders.findOneByOrFail({ id });
  if (order.status !== "unpaid") return 409;
  order.status = "paying";
  await orders.save(order);
  await charge(id);
  order.status = "paid";
  await orders.save(order);
  return 201;
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

source.initialize().then(() => server.listen(process.env.PORT, "127.0.0.1"));
