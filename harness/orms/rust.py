"""The calls of ORMs of Rust."""

from __future__ import annotations

from paidonce.harness.orms.calls import Orm, Way

_HERE = "// look at the row, call Stripe and write here, all by {}"
_KEY = "// read, call Stripe and write here, all by {}"

DIESEL = Orm(
    name="diesel",
    title="Diesel",
    version="2.3.14",
    language="rust",
    lock=".for_update()",
    assigned="@table@::@column@.eq(@value@),",
    between=" ",
    calls={
        Way.LOCK: f"""\
connection.transaction::<_, Error, _>(|connection| {{
    let row: @Model@ = @table@::table
        .filter(@table@::@key@.eq(@key@))
        .for_update()
        .first(connection)?;
    {_HERE.format("connection")}
    Ok(())
}})?;""",
        Way.CONDITIONAL: """\
let rows = @table@::table
    .filter(@table@::@key@.eq(@key@))
    .filter(@table@::@column@.eq(@value@));
let count = diesel::update(rows).set((@set@)).execute(connection)?;
if count != 1 {
    return Err("another request was first".into());
}""",
        Way.ADVISORY: f"""\
connection.transaction::<_, Error, _>(|connection| {{
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind::<Text, _>(@key@.to_string())
        .execute(connection)?;
    {_KEY.format("connection")}
    Ok(())
}})?;""",
        Way.SERIALIZABLE: f"""\
connection.build_transaction().serializable().run::<_, Error, _>(|connection| {{
    {_KEY.format("connection")}
    Ok(())
}})?;""",
    },
)

SEA_ORM = Orm(
    name="sea-orm",
    title="SeaORM",
    version="2.0.4",
    language="rust",
    lock=".lock_exclusive()",
    assigned=".col_expr(@model@::Column::@Column@, Expr::value(@value@))",
    between="",
    calls={
        Way.LOCK: f"""\
let tx = db.begin().await?;
let row = @model@::Entity::find()
    .filter(@model@::Column::@Key@.eq(@key@))
    .lock_exclusive()
    .one(&tx)
    .await?;
{_HERE.format("tx")}
tx.commit().await?;""",
        Way.CONDITIONAL: """\
let result = @model@::Entity::update_many()
    @set@
    .filter(@model@::Column::@Key@.eq(@key@))
    .filter(@model@::Column::@Column@.eq(@value@))
    .exec(db)
    .await?;
if result.rows_affected != 1 {
    return Err("another request was first".into());
}""",
        Way.ADVISORY: f"""\
let tx = db.begin().await?;
let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
let key = [@key@.to_string().into()];
tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, key)).await?;
{_KEY.format("tx")}
tx.commit().await?;""",
        Way.SERIALIZABLE: f"""\
let tx = db.begin_with_config(Some(IsolationLevel::Serializable), None).await?;
{_KEY.format("tx")}
tx.commit().await?;""",
    },
)
