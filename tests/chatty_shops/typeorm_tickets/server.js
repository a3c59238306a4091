// Tickets for concerts by GraphQL, with TypeORM. VARIANT: "racy" reads the voucher, "locked" FOR UPDATE.
//   node server.js [migrate]
require("reflect-metadata");
const http = require("node:http");
const { randomUUID } = require("node:crypto");
const { DataSource } = require("typeorm");
const { buildSchema, graphql, GraphQLError } = require("graphql");
const entities = require("./entities");

const LOCKED = process.env.VARIANT === "locked";
const data = new DataSource({
  type: "postgres",
  url: process.env.DATABASE_URL,
  entities,
  extra: { max: 5 },
});

const schema = buildSchema(`
  type Booking { id: ID! status: String! total: Int! }
  type Query { up: Boolean! }
  type Mutation {
    book(tickets: Int!): Booking!
    checkout(booking: ID!, voucher: String!): Booking!
  }
`);

function stripe() {
  const address = new URL(process.env.STRIPE_API_BASE);
  return require("stripe")(process.env.STRIPE_API_KEY, {
    host: address.hostname,
    port: address.port,
    protocol: "http",
    maxNetworkRetries: 0,
  });
}

async function context(token) {
  const settings = {};
  for (const name of ["currency", "tax", "limit"]) {
    settings[name] = await data.manager.findOneBy("Setting", { name });
  }
  const flags = await data.manager.findBy("Flag", { on: true });
  const session = await data.manager.findOne("Session", { where: { token }, relations: { customer: true } });
  await data.manager.update("Session", { id: session.id }, { seen: 1 });
  return { settings, flags, customer: session.customer };
}

const root = {
  up: () => true,

  async book({ tickets }, { customer }) {
    const booking = await data.manager.save("Booking", { customer });
    const categories = await data.manager.find("Category", { order: { id: "ASC" }, take: tickets });
    for (const category of categories) await data.manager.save("Ticket", { booking, category });
    return booking;
  },

  async checkout({ booking: id, voucher: code }, { customer }) {
    const log = await data.manager.save("Log", { what: `checkout ${id}`, customer });
    const paid = await data.transaction((db) => checkout(db, Number(id), code, customer));
    await data.manager.update("Log", { id: log.id }, { what: `paid ${id}` });
    return paid;
  },
};

async function checkout(db, id, code, customer) {
  const booking = await db.findOne("Booking", {
    where: { id, customer: { id: customer.id } },
    relations: { tickets: { category: { concert: true } } },
  });
  if (booking === null || booking.status !== "open") throw refused("NOT_OPEN");
  const lock = LOCKED ? { lock: { mode: "pessimistic_write" } } : {};
  const voucher = await db.findOne("Voucher", { where: { code }, ...lock });
  if (voucher.left < 1) throw refused("VOUCHER_USED");
  let total = -voucher.off;
  for (const ticket of booking.tickets) {
    const category = await db.findOneBy("Category", { id: ticket.category.id });
    const fees = await db.find("Fee", { where: { category: { id: category.id } } });
    const concert = await db.findOneBy("Concert", { id: ticket.category.concert.id });
    ticket.price = category.price + fees.reduce((sum, fee) => sum + fee.amount, concert ? 0 : 1);
    await db.save("Ticket", ticket);
    await db.insert("Log", { what: `priced ${ticket.id}`, customer });
    total += ticket.price;
  }
  const intent = await stripe().paymentIntents.create(
    {
      amount: total,
      currency: "eur",
      confirm: true,
      payment_method: "pm_card_visa",
      payment_method_types: ["card"],
      metadata: { order_id: String(id) },
    },
    { idempotencyKey: randomUUID() },
  );
  await db.save("Voucher", { ...voucher, left: voucher.left - 1 });
  await db.insert("Redemption", { voucher, booking });
  await db.insert("Payment", { booking, intent: intent.id, amount: total });
  await db.update("Booking", { id }, { status: "paid", total });
  return { ...booking, status: "paid", total };
}

const refused = (code) => new GraphQLError("refused", { extensions: { code } });

async function answer(request, response) {
  if (request.url === "/up") return send(response, 200, { up: true });
  let text = "";
  for await (const part of request) text += part;
  const { query, variables } = JSON.parse(text);
  const told = await context(request.headers.authorization);
  const result = await graphql({ schema, source: query, rootValue: root, contextValue: told, variableValues: variables });
  return send(response, 200, result);
}

function send(response, status, body) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(body));
}

async function migrate() {
  await data.synchronize();
  const save = (name, ...rows) => data.manager.save(name, rows);
  await save("Setting", ...["currency", "tax", "limit", "theme"].map((name) => ({ name, value: "1" })));
  await save("Flag", ...["seats", "gifts"].map((name) => ({ name, on: true })));
  const [concert] = await save("Concert", { title: "Four seasons", hall: "A" });
  const categories = [];
  for (let n = 0; n < 8; n++) categories.push({ name: `block ${n}`, price: 1000 + n, concert });
  await save("Category", ...categories);
  await save("Fee", ...categories.map((category) => ({ name: "booking", amount: 100, category })));
  const customers = ["alice", "bob"].map((name) => ({ email: `${name}@example.com`, tier: "plain" }));
  await save("Customer", ...customers);
  await save("Session", ...customers.map((customer, n) => ({ token: ["alice", "bob"][n], customer })));
  await save("Voucher", { code: "SPRING", left: 1, off: 500 });
}

async function main() {
  await data.initialize();
  if (process.argv[2] === "migrate") {
    await migrate();
    await data.destroy();
    return;
  }
  const server = http.createServer((request, response) =>
    answer(request, response).catch((error) => send(response, 500, { error: String(error) })),
  );
  server.listen(Number(process.env.PORT), "127.0.0.1");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
