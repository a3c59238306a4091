package shop;

import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentCreateParams.AutomaticPaymentMethods;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import jakarta.persistence.EntityManager;
import jakarta.persistence.EntityManagerFactory;
import jakarta.persistence.LockModeType;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.Executors;
import org.hibernate.jpa.HibernatePersistenceConfiguration;

/** A payment that a locking query of Hibernate 7.4.15 is to keep from being made twice. */
public final class Shop {
  private final StripeClient stripe = stripe();
  private final EntityManagerFactory entities = entities();

  /** Pays in one transaction; tells the status of the answer. */
  private int pay(int id) throws StripeException {
    EntityManager session = entities.createEntityManager();
    try (session) {
      session.getTransaction().begin();
      try {
        Order order =
            session
                .createQuery(
                    "select o from Order o left join fetch o.customer where o.id = :id",
                    Order.class)
                .setParameter("id", id)
                .setLockMode(LockModeType.PESSIMISTIC_WRITE)
                .getSingleResult();
        int status = 409;
        if (order.status.equals("unpaid")) {
          charge(id);
          order.status = "paid";
          status = 201;
        }
        session.getTransaction().commit();
        return status;
      } catch (StripeException | RuntimeException failure) {
        if (session.getTransaction().isActive()) {
          session.getTransaction().rollback();
        }
        throw failure;
      }
    }
  }

  private static EntityManagerFactory entities() {
    URI url = URI.create(System.getenv("DATABASE_URL"));
    String[] account = url.getUserInfo().split(":", 2);
    return new HibernatePersistenceConfiguration("shop")
        .managedClasses(Order.class, Customer.class)
        .jdbcUrl("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath())
        .jdbcUsername(account[0])
        .jdbcPassword(account.length > 1 ? account[1] : "")
        .createEntityManagerFactory();
  }

  /** Charges the order's card. Nothing but the library above stands in the way of a second time. */
  private void charge(int order) throws StripeException {
    var params =
        PaymentIntentCreateParams.builder()
            .setAmount(1999L)
            .setCurrency("eur")
            .setPaymentMethod("pm_card_visa")
            .setAutomaticPaymentMethods(
                AutomaticPaymentMethods.builder()
                    .setEnabled(true)
                    .setAllowRedirects(AutomaticPaymentMethods.AllowRedirects.NEVER)
                    .build())
            .setConfirm(true)
            .putMetadata("order", Integer.toString(order))
            .build();
    stripe.v1().paymentIntents().create(params);
  }

  private static StripeClient stripe() {
    var builder =
        StripeClient.builder().setApiKey(System.getenv("STRIPE_API_KEY")).setMaxNetworkRetries(0);
    String base = System.getenv("STRIPE_API_BASE"); // unset in production
    return (base == null ? builder : builder.setApiBase(base)).build();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = 200;
      try {
        if (!exchange.getRequestURI().getPath().equals("/health")) {
          status = pay(1);
        }
      } catch (StripeException | RuntimeException failure) {
        failure.printStackTrace();
        status = 500;
      }
      exchange.sendResponseHeaders(status, -1);
    }
  }

  public static void main(String[] args) throws IOException {
    int port = Integer.parseInt(System.getenv("PORT"));
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/", new Shop()::serve);
    server.start();
  }
}
