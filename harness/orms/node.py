"""The calls of ORMs and query builders of Node."""

from __future__ import annotations

from paidonce.harness.orms.calls import Orm, Way

_LOST = 'throw new Error("another request was first");'
_HERE = "// look at the row, call Stripe and write here, all by {}"
_KEY = "// read, call Stripe and write here, all by {}"

DRIZZLE = Orm(
    name="drizzle",
    title="Drizzle",
    version="0.45.4",
    language="js",
    lock='.for("update")',
    assigned="@column@: @value@",
    joined='.for("update", { of: @table@ })',
    calls={
        Way.LOCK: f"""\
await db.transaction(async (tx) => {{
  const [row] = await tx.select().from(@table@).where(eq(@table@.@key@, @key@)).for("update");
  {_HERE.format("tx")}
}});""",
        Way.CONDITIONAL: f"""\
const {{ rowCount }} = await db.update(@table@).set({{ @set@ }})
  .where(and(eq(@table@.@key@, @key@), eq(@table@.@column@, @value@)));
if (rowCount !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await db.transaction(async (tx) => {{
  await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtextextended(${{@key@}}::text, 0))`);
  {_KEY.format("tx")}
}});""",
        Way.SERIALIZABLE: f"""\
await db.transaction(async (tx) => {{
  {_KEY.format("tx")}
}}, {{ isolationLevel: "serializable" }});""",
    },
)

TYPEORM = Orm(
    name="typeorm",
    title="TypeORM",
    version="1.1.1",
    language="js",
    lock="findOne with a lock",
    assigned="@column@: @value@",
    joined='lock: { mode: "pessimistic_write", tables: ["@table@"] }',
    calls={
        Way.LOCK: f"""\
await dataSource.transaction(async (manager) => {{
  const row = await manager.findOne(@Model@, {{
    where: {{ @key@ }}, lock: {{ mode: "pessimistic_write" }},
  }});
  {_HERE.format("manager")}
}});""",
        Way.CONDITIONAL: f"""\
const {{ affected }} = await dataSource.getRepository(@Model@)
  .update({{ @key@, @column@: @value@ }}, {{ @set@ }});
if (affected !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await dataSource.transaction(async (manager) => {{
  await manager.query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", [@key@]);
  {_KEY.format("manager")}
}});""",
        Way.SERIALIZABLE: f"""\
await dataSource.transaction("SERIALIZABLE", async (manager) => {{
  {_KEY.format("manager")}
}});""",
    },
)

SEQUELIZE = Orm(
    name="sequelize",
    title="Sequelize",
    version="6.37.8",
    language="js",
    lock="findOne with a lock",
    assigned="@column@: @value@",
    joined="lock: { level: transaction.LOCK.UPDATE, of: @Model@ }",
    calls={
        Way.LOCK: f"""\
await sequelize.transaction(async (transaction) => {{
  const row = await @Model@.findOne({{ where: {{ @key@ }}, lock: true, transaction }});
  {_HERE.format("transaction")}
}});""",
        Way.CONDITIONAL: f"""\
const [count] = await @Model@.update({{ @set@ }}, {{ where: {{ @key@, @column@: @value@ }} }});
if (count !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await sequelize.transaction(async (transaction) => {{
  await sequelize.query("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", {{
    bind: [@key@], transaction,
  }});
  {_KEY.format("transaction")}
}});""",
        Way.SERIALIZABLE: f"""\
const {{ SERIALIZABLE }} = Sequelize.Transaction.ISOLATION_LEVELS;
await sequelize.transaction({{ isolationLevel: SERIALIZABLE }}, async (transaction) => {{
  {_KEY.format("transaction")}
}});""",
    },
)

MIKRO_ORM = Orm(
    name="mikro-orm",
    title="MikroORM",
    version="7.2.5",
    language="js",
    lock="findOne with a lockMode",
    assigned="@column@: @value@",
    joined='lockMode: LockMode.PESSIMISTIC_WRITE, lockTableAliases: ["o0"]',
    calls={
        Way.LOCK: f"""\
await em.transactional(async (em) => {{
  const row = await em.findOne(@Model@, {{ @key@ }}, {{
    lockMode: LockMode.PESSIMISTIC_WRITE, refresh: true,
  }});
  {_HERE.format("em")}
}});""",
        Way.CONDITIONAL: f"""\
const count = await em.nativeUpdate(@Model@, {{ @key@, @column@: @value@ }}, {{ @set@ }});
if (count !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await em.transactional(async (em) => {{
  await em.execute("SELECT pg_advisory_xact_lock(hashtextextended(?::text, 0))", [@key@]);
  {_KEY.format("em")}
}});""",
        Way.SERIALIZABLE: f"""\
await em.transactional(async (em) => {{
  {_KEY.format("em")}
}}, {{ isolationLevel: IsolationLevel.SERIALIZABLE }});""",
    },
)

KNEX = Orm(
    name="knex",
    title="Knex",
    version="3.3.0",
    language="js",
    lock=".forUpdate()",
    assigned="@column@: @value@",
    joined='.forUpdate("@table@")',
    calls={
        Way.LOCK: f"""\
await knex.transaction(async (trx) => {{
  const row = await trx("@table@").where({{ @key@ }}).forUpdate().first();
  {_HERE.format("trx")}
}});""",
        Way.CONDITIONAL: f"""\
const count = await knex("@table@").where({{ @key@, @column@: @value@ }}).update({{ @set@ }});
if (count !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await knex.transaction(async (trx) => {{
  await trx.raw("SELECT pg_advisory_xact_lock(hashtextextended(?::text, 0))", [@key@]);
  {_KEY.format("trx")}
}});""",
        Way.SERIALIZABLE: f"""\
await knex.transaction(async (trx) => {{
  {_KEY.format("trx")}
}}, {{ isolationLevel: "serializable" }});""",
    },
)

KYSELY = Orm(
    name="kysely",
    title="Kysely",
    version="0.29.9",
    language="js",
    lock=".forUpdate()",
    assigned="@column@: @value@",
    joined='.forUpdate("@table@")',
    calls={
        Way.LOCK: f"""\
await db.transaction().execute(async (trx) => {{
  const row = await trx.selectFrom("@table@").selectAll()
    .where("@key@", "=", @key@).forUpdate().executeTakeFirst();
  {_HERE.format("trx")}
}});""",
        Way.CONDITIONAL: f"""\
const {{ numUpdatedRows }} = await db.updateTable("@table@").set({{ @set@ }})
  .where("@key@", "=", @key@).where("@column@", "=", @value@).executeTakeFirst();
if (numUpdatedRows !== 1n) {_LOST}""",
        Way.ADVISORY: f"""\
await db.transaction().execute(async (trx) => {{
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${{@key@}}::text, 0))`.execute(trx);
  {_KEY.format("trx")}
}});""",
        Way.SERIALIZABLE: f"""\
await db.transaction().setIsolationLevel("serializable").execute(async (trx) => {{
  {_KEY.format("trx")}
}});""",
    },
)

PRISMA = Orm(
    name="prisma",
    title="Prisma",
    version="7.10.0",
    language="js",
    lock="$queryRaw with FOR UPDATE",
    assigned="@column@: @value@",
    calls={
        Way.LOCK: f"""\
await prisma.$transaction(async (tx) => {{
  const [row] = await tx.$queryRaw`SELECT * FROM @table@ WHERE @key@ = ${{@key@}} FOR UPDATE`;
  {_HERE.format("tx")}
}});""",
        Way.CONDITIONAL: f"""\
const {{ count }} = await prisma.@model@.updateMany({{
  where: {{ @key@, @column@: @value@ }}, data: {{ @set@ }},
}});
if (count !== 1) {_LOST}""",
        Way.ADVISORY: f"""\
await prisma.$transaction(async (tx) => {{
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${{@key@}}::text, 0))`;
  {_KEY.format("tx")}
}});""",
        Way.SERIALIZABLE: f"""\
await prisma.$transaction(async (tx) => {{
  {_KEY.format("tx")}
}}, {{ isolationLevel: "Serializable" }});""",
    },
)
