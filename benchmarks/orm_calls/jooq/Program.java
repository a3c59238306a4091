import static shop.Tables.ITEMS;
import static shop.Tables.ORDERS;

import java.sql.DriverManager;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.conf.Settings;
import org.jooq.impl.DSL;

public class Program {
    static DSLContext create;
    static final int id = 1;

    static void lock() {
        CALL(lock)
    }

    static void conditional() {
        CALL(conditional)
    }

    static void advisory() {
        CALL(advisory)
    }

    static void serializable() {
        CALL(serializable)
    }

    static org.jooq.SelectConditionStep<?> joined() {
        return create.select().from(ORDERS).leftJoin(ITEMS).on(ITEMS.ORDER_ID.eq(ORDERS.ID)).where(ORDERS.ID.eq(id));
    }

    static shop.tables.records.OrdersRecord read() {
        return create.fetchSingle(ORDERS, ORDERS.ID.eq(id));
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.jooq.no-logo", "true");
        System.setProperty("org.jooq.no-tips", "true");
        var place = java.net.URI.create(System.getenv("DATABASE_URL"));
        var connection = DriverManager.getConnection(
            "jdbc:postgresql://" + place.getHost() + ":" + place.getPort() + place.getPath(), "postgres", "");
        create = DSL.using(connection, SQLDialect.POSTGRES,
            new Settings().withExecuteWithOptimisticLocking(true).withRenderSchema(false));
        new Cases()
            .calling("lock", Program::lock)
            .calling("outside", () -> create.selectFrom(ORDERS).where(ORDERS.ID.eq(id)).forUpdate().fetchOne())
            .calling("join", () -> create.transaction(trx -> joined().forUpdate().fetch()))
            .calling("join_of", () -> create.transaction(trx -> joined()CALL(joined).fetch()))
            .with("refreshed", () -> {
                var before = read();
                create.execute("UPDATE orders SET status = 'paid'");
                var under = create.selectFrom(ORDERS).where(ORDERS.ID.eq(id)).forUpdate().fetchSingle();
                return "loaded: " + before.getStatus() + ", answered: " + under.getStatus();
            })
            .with("conditional", () -> Cases.twice(Program::conditional))
            .with("stale", () -> {
                var one = read();
                var other = read();
                one.setStatus("paid");
                one.store();
                other.setStatus("cancelled");
                other.store();
                return "not refused";
            })
            .with("bulk", () -> {
                create.update(ORDERS).set(ORDERS.STATUS, "paid").where(ORDERS.ID.eq(id)).execute();
                return "version " + read().getVersion();
            })
            .calling("advisory", Program::advisory)
            .calling("serializable", Program::serializable)
            .run(text -> create.execute(text));
        System.exit(0);
    }
}
