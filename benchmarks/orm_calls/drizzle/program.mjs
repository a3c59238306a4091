import { and, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { integer, pgTable, text } from "drizzle-orm/pg-core";
import { cases, twice } from "./cases.mjs";

const orders = pgTable("orders", {
  id: integer().primaryKey(), status: text().notNull(), version: integer().notNull(),
});
const items = pgTable("items", { id: integer().primaryKey(), order_id: integer().notNull() });
const db = drizzle(process.env.DATABASE_URL);
const id = 1;
const joined = (tx) => tx.select().from(orders).leftJoin(items, eq(items.order_id, orders.id));

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}

await cases((text) => db.execute(sql.raw(text)), {
  lock,
  outside: () => db.select().from(orders).where(eq(orders.id, id)).for("update").then(() => ""),
  join: () => joined(db).for("update").then(() => ""),
  join_of: () => joined(db)CALL(joined).then(() => ""),
  conditional: () => twice(conditional),
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
