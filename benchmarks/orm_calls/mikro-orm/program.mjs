import { IsolationLevel, LockMode } from "@mikro-orm/core";
import { MikroORM, defineEntity, p } from "@mikro-orm/postgresql";
import { cases, twice } from "./cases.mjs";

const Order = defineEntity({
  name: "Order",
  tableName: "orders",
  properties: {
    id: p.integer().primary(),
    status: p.string(),
    version: p.integer().version(),
    items: () => p.oneToMany(Item).mappedBy("order"),
  },
});
const Item = defineEntity({
  name: "Item",
  tableName: "items",
  properties: { id: p.integer().primary(), order: () => p.manyToOne(Order).joinColumn("order_id") },
});
const orm = new MikroORM({ entities: [Order, Item], clientUrl: process.env.DATABASE_URL });
let em;
const id = 1;
const fresh = (run) => async () => {
  em = orm.em.fork();
  return run();
};
const pessimistic = { lockMode: LockMode.PESSIMISTIC_WRITE };

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}
const all = {
  lock,
  outside: () => em.findOne(Order, { id }, pessimistic).then(() => ""),
  join: () => em.transactional((em) =>
    em.findOne(Order, { id }, { populate: ["items"], strategy: "joined", ...pessimistic })).then(() => ""),
  join_of: () => em.transactional((em) =>
    em.findOne(Order, { id }, { populate: ["items"], strategy: "joined", CALL(joined) })).then(() => ""),
  refreshed: () => em.transactional(async (em) => {
    const before = await em.findOne(Order, { id });
    await orm.em.fork().execute("UPDATE orders SET status = 'paid'");
    const under = await em.findOne(Order, { id }, pessimistic);
    return `loaded: ${before.status}, answered: ${under.status}`;
  }),
  conditional: () => twice(conditional),
  async stale() {
    const [mine, theirs] = [orm.em.fork(), orm.em.fork()];
    const [one, other] = [await mine.findOne(Order, { id }), await theirs.findOne(Order, { id })];
    one.status = "paid";
    await mine.flush();
    other.status = "cancelled";
    return theirs.flush().then(() => "not refused");
  },
  async bulk() {
    await em.nativeUpdate(Order, { id }, { status: "paid" });
    return `version ${(await orm.em.fork().findOne(Order, { id })).version}`;
  },
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
};
await cases(
  (text) => orm.em.fork().execute(text),
  Object.fromEntries(Object.entries(all).map(([name, run]) => [name, fresh(run)])),
);
process.exit(0);
