"""The calls of ORMs of Python."""

from __future__ import annotations

from paidonce.harness.orms.calls import Orm, Way

_LOST = 'raise RuntimeError("another request was first")'
_HERE = "# look at the row, call Stripe and write here"
_KEY = "# read, call Stripe and write here"

SQLALCHEMY = Orm(
    name="sqlalchemy",
    title="SQLAlchemy",
    version="2.1.9",
    language="python",
    lock=".with_for_update()",
    assigned="@column@=@value@",
    joined=".with_for_update(of=@Model@)",
    calls={
        Way.LOCK: f"""\
with Session(engine) as session, session.begin():
    asked = select(@Model@).where(@Model@.@key@ == @key@).with_for_update()
    row = session.execute(asked.execution_options(populate_existing=True)).scalar_one()
    {_HERE}""",
        Way.CONDITIONAL: f"""\
with Session(engine) as session, session.begin():
    where = (@Model@.@key@ == @key@, @Model@.@column@ == @value@)
    result = session.execute(update(@Model@).where(*where).values(@set@))
    if result.rowcount != 1:
        {_LOST}""",
        Way.ADVISORY: f"""\
with Session(engine) as session, session.begin():
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(str(@key@), 0))))
    {_KEY}""",
        Way.SERIALIZABLE: f"""\
with Session(engine) as session, session.begin():
    session.connection(execution_options={{"isolation_level": "SERIALIZABLE"}})
    row = session.execute(select(@Model@).where(@Model@.@key@ == @key@)).scalar_one()
    {_HERE}""",
    },
)

DJANGO = Orm(
    name="django",
    title="Django",
    version="5.2.19",
    language="python",
    lock="select_for_update()",
    assigned="@column@=@value@",
    joined='.select_for_update(of=("self",))',
    calls={
        Way.LOCK: f"""\
with transaction.atomic():
    row = @Model@.objects.select_for_update().get(@key@=@key@)
    {_HERE}""",
        Way.CONDITIONAL: f"""\
count = @Model@.objects.filter(@key@=@key@, @column@=@value@).update(@set@)
if count != 1:
    {_LOST}""",
        Way.ADVISORY: f"""\
with transaction.atomic(), connection.cursor() as cursor:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))"
    cursor.execute(lock, [str(@key@)])
    {_KEY}""",
        Way.SERIALIZABLE: f"""\
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    {_KEY}""",
    },
)

PEEWEE = Orm(
    name="peewee",
    title="Peewee",
    version="4.5.3",
    language="python",
    lock=".for_update()",
    assigned="@column@=@value@",
    joined=".for_update(of=@Model@)",
    calls={
        Way.LOCK: f"""\
with db.atomic():
    row = @Model@.select().where(@Model@.@key@ == @key@).for_update().get()
    {_HERE}""",
        Way.CONDITIONAL: f"""\
where = (@Model@.@key@ == @key@) & (@Model@.@column@ == @value@)
count = @Model@.update(@set@).where(where).execute()
if count != 1:
    {_LOST}""",
        Way.ADVISORY: f"""\
with db.atomic():
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(%s::text, 0))"
    db.execute_sql(lock, (str(@key@),))
    {_KEY}""",
        Way.SERIALIZABLE: f"""\
with db.atomic():
    db.execute_sql("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    {_KEY}""",
    },
)

TORTOISE = Orm(
    name="tortoise",
    title="Tortoise",
    version="1.1.9",
    language="python",
    lock=".select_for_update()",
    assigned="@column@=@value@",
    joined='.select_for_update(of=("@table@",))',
    calls={
        Way.LOCK: f"""\
async with in_transaction():
    row = await @Model@.select_for_update().get(@key@=@key@)
    {_HERE}""",
        Way.CONDITIONAL: f"""\
count = await @Model@.filter(@key@=@key@, @column@=@value@).update(@set@)
if count != 1:
    {_LOST}""",
        Way.ADVISORY: f"""\
async with in_transaction() as connection:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))"
    await connection.execute_query(lock, [str(@key@)])
    {_KEY}""",
        Way.SERIALIZABLE: f"""\
async with in_transaction() as connection:
    await connection.execute_query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    {_KEY}""",
    },
)
