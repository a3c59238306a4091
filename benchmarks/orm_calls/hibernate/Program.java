import jakarta.persistence.*;
import java.util.ArrayList;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.hibernate.Session;
import org.hibernate.SessionFactory;
import org.hibernate.cfg.Configuration;

public class Program {
    @Entity(name = "Order")
    @Table(name = "orders")
    static class Order {
        @Id int id;
        String status;
        @Version int version;
        @OneToMany(mappedBy = "order") List<Item> items = new ArrayList<>();
    }

    @Entity(name = "Item")
    @Table(name = "items")
    static class Item {
        @Id int id;
        @ManyToOne @JoinColumn(name = "order_id") Order order;
    }

    static SessionFactory sessionFactory;
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

    static void raw(String text) {
        sessionFactory.inTransaction(session -> session.createNativeMutationQuery(text).executeUpdate());
    }

    static Order locked(Session session, String query) {
        return session.createSelectionQuery(query, Order.class).setParameter("id", id)
            .setLockMode(LockModeType.PESSIMISTIC_WRITE).getSingleResult();
    }

    public static void main(String[] arguments) {
        Logger.getLogger("org.hibernate").setLevel(Level.SEVERE);
        var place = java.net.URI.create(System.getenv("DATABASE_URL"));
        sessionFactory = new Configuration().addAnnotatedClass(Order.class).addAnnotatedClass(Item.class)
            .setProperty("hibernate.connection.url",
                "jdbc:postgresql://" + place.getHost() + ":" + place.getPort() + place.getPath())
            .setProperty("hibernate.connection.username", "postgres")
            .buildSessionFactory();
        new Cases()
            .calling("lock", Program::lock)
            .calling("outside", () -> sessionFactory.inSession(s -> locked(s, "from Order where id = :id")))
            .calling("join", () -> sessionFactory.inTransaction(
                s -> locked(s, "from Order o left join fetch o.items where o.id = :id")))
            .with("refreshed", () -> sessionFactory.fromTransaction(session -> {
                Order before = session.find(Order.class, id);
                raw("UPDATE orders SET status = 'paid'");
                Order under = locked(session, "from Order where id = :id");
                return "loaded: " + before.status + ", answered: " + under.status;
            }))
            .with("conditional", () -> Cases.twice(Program::conditional))
            .with("stale", () -> {
                Order one = sessionFactory.fromSession(s -> s.find(Order.class, id));
                Order other = sessionFactory.fromSession(s -> s.find(Order.class, id));
                one.status = "paid";
                other.status = "cancelled";
                sessionFactory.inTransaction(session -> session.merge(one));
                sessionFactory.inTransaction(session -> session.merge(other));
                return "not refused";
            })
            .with("stale_flush", () -> sessionFactory.fromTransaction(session -> {
                Order mine = session.find(Order.class, id);
                sessionFactory.inTransaction(other -> other.find(Order.class, id).status = "paid");
                mine.status = "cancelled";
                session.flush();
                return "not refused";
            }))
            .with("bulk", () -> sessionFactory.fromTransaction(session -> {
                session.createMutationQuery("update Order set status = 'paid' where id = :id")
                    .setParameter("id", id).executeUpdate();
                return "version " + session.find(Order.class, id).version;
            }))
            .calling("advisory", Program::advisory)
            .calling("serializable", Program::serializable)
            .run(Program::raw);
        System.exit(0);
    }
}
