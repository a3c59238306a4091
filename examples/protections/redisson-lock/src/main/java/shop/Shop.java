package shop;

import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentCreateParams.AutomaticPaymentMethods;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.redisson.Redisson;
import org.redisson.api.RLock;
import org.redisson.api.RedissonClient;
import org.redisson.config.Config;

/** A payment that a lock of Redisson 4.7.0 is to keep from being made twice. */
public final class Shop {
  private final StripeClient stripe = stripe();
  private final DataSource database = pool();
  private final RedissonClient redis = redis();

  /** Pays under the lock of the order; tells the status of the answer. */
  private int pay(int id) throws SQLException, StripeException, InterruptedException {
    RLock lock = redis.getLock("order " + id);
    if (!lock.tryLock(0, 30, TimeUnit.SECONDS)) {
      return 409;
    }
    try (Connection work = database.getConnection();
        Statement orders = work.createStatement()) {
      try (ResultSet found = orders.executeQuery("SELECT status FROM orders WHERE id = " + id)) {
        found.next();
        if (!found.getString(1).equals("unpaid")) {
          return 409;
        }
      }
      charge(id);
      orders.executeUpdate("UPDATE orders SET status = 'paid' WHERE id = " + id);
      return 201;
    } finally {
      lock.unlock();
    }
  }

  private static RedissonClient redis() {
    var config = new Config();
    config.useSingleServer().setAddress(System.getenv("REDIS_URL"));
    return Redisson.create(config);
  }

  private static DataSource pool() {
    URI url = URI.create(System.getenv("DATABASE_URL"));
    String[] account = url.getUserInfo().split(":", 2);
    var config = new HikariConfig();
    config.setJdbcUrl("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath());
    config.setUsername(account[0]);
    config.setPassword(account.length > 1 ? account[1] : "");
    config.setMaximumPoolSize(4);
    return new HikariDataSource(config);
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
      } catch (SQLException | StripeException | InterruptedException | RuntimeException failure) {
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
