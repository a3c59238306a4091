package shop;

import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentCreateParams.AutomaticPaymentMethods;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import jakarta.persistence.EntityManagerFactory;
import jakarta.persistence.PersistenceConfiguration;
import jakarta.persistence.PersistenceUnitTransactionType;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.concurrent.Executors;

/** A payment that a conditional update of EclipseLink 5.0.0 is to keep from being made twice. */
public final class Shop {
  private final StripeClient stripe = stripe();
  private final EntityManagerFactory entities = entities();

  /** Claims the order, charges and settles it; tells the status of the answer. */
  private int pay(int id) throws StripeException {
    int claimed =
        entities.callInTransaction(
            session ->
                session
                    .createQuery(
                        "update Order o set o.status = 'paying'"
                            + " where o.id = :id and o.status = 'unpaid'"
                            + " and o.customer.active = true")
                    .setParameter("id", id)
                    .executeUpdate());
    if (claimed == 0) {
      return 409;
    }
    charge(id);
    entities.runInTransaction(session -> session.find(Order.class, id).status = "paid");
    return 201;
  }

  private static EntityManagerFactory entities() {
    URI url = URI.create(System.getenv("DATABASE_URL"));
    String[] account = url.getUserInfo().split(":", 2);
    String database = "jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath();
    return new PersistenceConfiguration("shop")
        .provider("org.eclipse.persistence.jpa.PersistenceProvider")
        .transactionType(PersistenceUnitTransactionType.RESOURCE_LOCAL)
        .managedClass(Order.class)
        .managedClass(Customer.class)
        .property(PersistenceConfiguration.JDBC_URL, database)
        .property(PersistenceConfiguration.JDBC_USER, account[0])
        .property(PersistenceConfiguration.JDBC_PASSWORD, account.length > 1 ? account[1] : "")
        .property("eclipselink.weaving", "false")
        .property("eclipselink.cache.shared.default", "false")
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
