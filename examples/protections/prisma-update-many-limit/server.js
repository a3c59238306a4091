/** A payment that a claim by Prisma 7.10.0's updateMany with a limit is to keep from being made twice. */

const http = require("node:http");
const { PrismaPg } = require("@prisma/adapter-pg");
const { PrismaClient } = require("@prisma/client");
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

const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL });
const prisma = new PrismaClient({ adapter });

async function pay(id) {
  const claimed = await prisma.order.updateMany({
    where: { id, status: "unpaid" },
    data: { status: "paying" },
    limit: 1,
  });
  if (claimed.count !== 1) return 409;
  await charge(id);
  await prisma.order.update({ where: { id }, data: { status: "paid" } });
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
