import { DataTypes, Sequelize } from "sequelize";
import { cases, twice } from "./cases.mjs";

const sequelize = new Sequelize(process.env.DATABASE_URL, { logging: false });
const Order = sequelize.define(
  "order",
  { id: { type: DataTypes.INTEGER, primaryKey: true }, status: DataTypes.TEXT },
  { tableName: "orders", timestamps: false, version: true },
);
const Item = sequelize.define(
  "item",
  { id: { type: DataTypes.INTEGER, primaryKey: true }, order_id: DataTypes.INTEGER },
  { tableName: "items", timestamps: false },
);
Order.hasMany(Item, { foreignKey: "order_id" });
const id = 1;

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}
const joined = (how) => sequelize.transaction(async (transaction) => {
  await Order.findOne({ where: { id }, include: Item, transaction, ...how(transaction) });
});

await cases((text) => sequelize.query(text), {
  lock,
  outside: () => Order.findOne({ where: { id }, lock: true }).then(() => ""),
  join: () => joined(() => ({ lock: true })),
  join_of: () => joined((transaction) => ({ CALL(joined) })),
  refreshed: () => sequelize.transaction(async (transaction) => {
    const before = await Order.findByPk(id, { transaction });
    await sequelize.query("UPDATE orders SET status = 'paid'");
    const under = await Order.findByPk(id, { transaction, lock: true });
    return `loaded: ${before.status}, answered: ${under.status}`;
  }),
  conditional: () => twice(conditional),
  async stale() {
    const [one, other] = [await Order.findByPk(id), await Order.findByPk(id)];
    await one.update({ status: "paid" });
    return other.update({ status: "cancelled" }).then(() => "not refused");
  },
  async bulk() {
    await Order.update({ status: "paid" }, { where: { id } });
    return `version ${(await Order.findByPk(id)).version}`;
  },
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
