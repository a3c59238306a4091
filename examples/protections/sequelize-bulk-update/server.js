/** A payment that the version of Sequelize 6.37.8, asked for by `update()`, is to keep from being made twice. */

const http = require("node:http");
const { DataTypes, Sequelize } = require("sequelize");
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
  const mine = { where: { id, version: order.version } };
  const [changed] = await Order.update({ status: "paying" }, mine);
  if (!changed) return 409;
  await charge(id);
  await Order.update({ status: "paid" }, { where: { id } });
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
