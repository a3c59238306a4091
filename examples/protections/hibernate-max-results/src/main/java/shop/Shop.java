package shop;

import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentCreateParams.AutomaticPaymentMethods;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import jakarta.persistence.EntityManager;
import jakarta.persistence.EntityManagerFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.hibernate.jpa.HibernatePersistenceConfiguration;

/** Orders that wait to be paid; an update of Hibernate 7.4.15 is to claim one for whoever asks. */
public final class Shop {
  private final StripeClient stripe = stripe();
  private final EntityManagerFactory entities = entities();

  /** Pays one of the orders that wait; tells the status of the answer. */
  private int payNext() throws StripeException {
    String claim = UUID.randomUUID().toString();
    int claimed =
        inTransaction(
            session ->
                session
                    .createQuery(
                        "update Order o set o.status = 'paying', o.claim = :claim"
                            + " where o.status = 'unpaid'")
                    .setParameter("claim", claim)
                    .setMaxResults(1)
                    .executeUpdate());
    if (claimed == 0) {
      return 409;
    }
    int id =
        inTransaction(
            session ->
                session
                    .createQuery(
                        "select o.id from Order o where o.claim = :claim order by o.id",
                        Integer.class)
                    .setParameter("claim", claim)
                    .setMaxResults(1)
                    .getSingleResult());
    charge(id);
    return inTransaction(
        session -> {
          session.find(Order.class, id).status = "paid";
          return 201;
        });
  }

  private <T> T inTransaction(Function<EntityManager, T> work) {
    return entities.callInTransaction(work);
  }

  private static EntityManagerFactory entities() {
    URI url = URI.create(System.getenv("DATABASE_URL"));
    String[] account = url.getUserInfo().split(":", 2);
    return new HibernatePersistenceConfiguration("shop")
        .managedClass(Order.class)
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
          status = payNext();
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
