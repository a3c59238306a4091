import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { cases, twice } from "./cases.mjs";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
const id = 1;
const joined = () =>
  db.selectFrom("orders").leftJoin("items", "items.order_id", "orders.id").selectAll("orders");

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}

await cases((text) => sql.raw(text).execute(db), {
  lock,
  outside: () =>
    db.selectFrom("orders").selectAll().where("id", "=", id).forUpdate().execute().then(() => ""),
  join: () => joined().forUpdate().execute().then(() => ""),
  join_of: () => joined()CALL(joined).execute().then(() => ""),
  conditional: () => twice(conditional),
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
