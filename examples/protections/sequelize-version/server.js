/** A payment that Sequelize 6.37.8's `version: true` is to keep from being made twice. */

const http = require("node:http");
const { DataTypes, OptimisticLockError, Sequelize } = require("sequelize");
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

const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false });
const Order = sequelize.define(
  "orders",
  { id: { type: DataTypes.INTEGER, primaryKey: true }, status: DataTypes.TEXT, amount: DataTypes.INTEGER },
  { timestamps: false, version: true },
);

async function pay(id) {
  const order = await Order.findByPk(id);
  if (order.status !== "unpaid") return 409;
  order.status = "paying";
  try {
    await order.save();
  } catch (error) {
    if (error instanceof OptimisticLockError) return 409;
    throw error;
  }
  await charge(id);
  order.status = "paid";
  await order.save();
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

server.listen(process.env.PORT, "127.0.0.1");
