"""The calls of ORMs of the JVM."""

from __future__ import annotations

from paidonce.harness.orms.calls import Orm, Way

_LOST = 'throw new IllegalStateException("another request was first");'
_HERE = "// look at the row, call Stripe and write here"
_KEY = "// read, call Stripe and write here"

HIBERNATE = Orm(
    name="hibernate",
    title="Hibernate",
    version="7.4.15.Final",
    language="java",
    lock="PESSIMISTIC_WRITE",
    assigned="@column@ = @value@",
    quote="'",
    calls={
        Way.LOCK: f"""\
sessionFactory.inTransaction(session -> {{
    @Model@ row = session.createSelectionQuery("from @Model@ where @key@ = :@key@", @Model@.class)
        .setParameter("@key@", @key@).setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();
    session.refresh(row); // where the session had it already
    {_HERE}
}});""",
        Way.CONDITIONAL: f"""\
sessionFactory.inTransaction(session -> {{
    int count = session.createMutationQuery(
            "update @Model@ set @set@ where @key@ = :@key@ and @column@ = @value@")
        .setParameter("@key@", @key@).executeUpdate();
    if (count != 1) {_LOST}
}});""",
        Way.ADVISORY: f"""\
sessionFactory.inTransaction(session -> {{
    session.createNativeQuery(
            "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(:lock, 0))", Integer.class)
        .setParameter("lock", String.valueOf(@key@)).getSingleResult();
    {_KEY}
}});""",
        Way.SERIALIZABLE: f"""\
sessionFactory.inTransaction(session -> {{
    session.createNativeMutationQuery("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        .executeUpdate();
    {_KEY}
}});""",
    },
)

JOOQ = Orm(
    name="jooq",
    title="jOOQ",
    version="3.19.39",
    language="java",
    lock=".forUpdate()",
    assigned=".set(@TABLE@.@COLUMN@, @value@)",
    between="",
    joined=".forUpdate().of(@TABLE@)",
    calls={
        Way.LOCK: f"""\
create.transaction(trx -> {{
    var row = trx.dsl().selectFrom(@TABLE@).where(@TABLE@.@KEY@.eq(@key@)).forUpdate().fetchOne();
    {_HERE}, by trx.dsl()
}});""",
        Way.CONDITIONAL: f"""\
int count = create.update(@TABLE@)@set@
    .where(@TABLE@.@KEY@.eq(@key@), @TABLE@.@COLUMN@.eq(@value@)).execute();
if (count != 1) {_LOST}""",
        Way.ADVISORY: f"""\
create.transaction(trx -> {{
    trx.dsl().fetch("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", String.valueOf(@key@));
    {_KEY}, by trx.dsl()
}});""",
        Way.SERIALIZABLE: f"""\
create.transaction(trx -> {{
    trx.dsl().execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    {_KEY}, by trx.dsl()
}});""",
    },
)
