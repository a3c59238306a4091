import { DataSource, EntitySchema } from "typeorm";
import { cases, twice } from "./cases.mjs";

const Item = new EntitySchema({
  name: "items",
  columns: { id: { type: "int", primary: true } },
  relations: { order: { type: "many-to-one", target: "orders", joinColumn: { name: "order_id" } } },
});
const Order = new EntitySchema({
  name: "orders",
  columns: {
    id: { type: "int", primary: true },
    status: { type: "text" },
    version: { type: "int", version: true }, // what @VersionColumn() declares
  },
  relations: { items: { type: "one-to-many", target: "items", inverseSide: "order" } },
});
const dataSource = new DataSource({
  type: "postgres", url: process.env.DATABASE_URL, entities: [Order, Item],
});
await dataSource.initialize();
const orders = dataSource.getRepository(Order);
const id = 1;

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}

await cases((text) => dataSource.query(text), {
  lock,
  outside: () => orders.findOne({ where: { id }, lock: { mode: "pessimistic_write" } }).then(() => ""),
  join: () => dataSource.transaction((manager) => manager.find(Order, {
    where: { id }, relations: { items: true }, lock: { mode: "pessimistic_write" },
  })).then(() => ""),
  join_of: () => dataSource.transaction((manager) => manager.find(Order, {
    where: { id }, relations: { items: true }, CALL(joined),
  })).then(() => ""),
  refreshed: () => dataSource.transaction(async (manager) => {
    const before = await manager.findOneBy(Order, { id });
    await dataSource.query("UPDATE orders SET status = 'paid'");
    const under = await manager.findOne(Order, { where: { id }, lock: { mode: "pessimistic_write" } });
    return `loaded: ${before.status}, answered: ${under.status}`;
  }),
  conditional: () => twice(conditional),
  async stale() {
    const [one, other] = [await orders.findOneBy({ id }), await orders.findOneBy({ id })];
    await orders.save(Object.assign(one, { status: "paid" }));
    return orders.save(Object.assign(other, { status: "cancelled" })).then(() => "not refused");
  },
  async bulk() {
    await orders.update({ id }, { status: "paid" });
    return `version ${(await orders.findOneBy({ id })).version}`;
  },
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
