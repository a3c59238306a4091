import connect from "knex";
import { cases, twice } from "./cases.mjs";

const knex = connect({ client: "pg", connection: process.env.DATABASE_URL });
const id = 1;
const joined = () =>
  knex("orders").leftJoin("items", "items.order_id", "orders.id").where({ "orders.id": id });

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}

await cases((text) => knex.raw(text), {
  lock,
  outside: () => knex("orders").where({ id }).forUpdate().first().then(() => ""),
  join: () => knex.transaction((trx) => joined().transacting(trx).forUpdate()).then(() => ""),
  join_of: () => knex.transaction((trx) => joined().transacting(trx)CALL(joined)).then(() => ""),
  conditional: () => twice(conditional),
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
