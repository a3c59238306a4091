package shop;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.stripe.StripeClient;
import com.stripe.exception.CardException;
import com.stripe.exception.StripeException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.Executors;
import javax.sql.DataSource;

/** A shop's payment service: the JDK's HTTP server, JDBC and stripe-java. */
public final class Main {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();

  private final DataSource database;
  private final Payments payments;

  private Main(DataSource database, Payments payments) {
    this.database = database;
    this.payments = payments;
  }

  public static void main(String[] args) throws IOException {
    DataSource database = database(System.getenv("DATABASE_URL"));
    boolean lockOrders = "1".equals(System.getenv("LOCK_ORDERS"));
    var main = new Main(database, new Payments(database, stripe(), lockOrders));

    int port = Integer.parseInt(System.getenv("PORT"));
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.createContext("/", main::serve);
    server.start();
  }

  /** A pool, from a URL as other languages write it: postgresql://user:password@host:port/name. */
  private static DataSource database(String text) {
    URI url = URI.create(text);
    var config = new HikariConfig();
    config.setJdbcUrl("jdbc:postgresql://" + url.getHost() + ":" + url.getPort() + url.getPath());
    String[] account = url.getUserInfo().split(":", 2);
    config.setUsername(account[0]);
    config.setPassword(account.length > 1 ? account[1] : "");
    config.setMaximumPoolSize(10);
    config.setMinimumIdle(2);
    return new HikariDataSource(config);
  }

  private static StripeClient stripe() {
    var builder =
        StripeClient.builder()
            .setApiKey(System.getenv("STRIPE_API_KEY"))
            .setMaxNetworkRetries(0)
            .setReadTimeout(30_000);
    String base = System.getenv("STRIPE_API_BASE"); // unset in production
    return (base == null ? builder : builder.setApiBase(base)).build();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      int status = 200;
      Map<String, Object> body;
      try {
        String[] path = exchange.getRequestURI().getPath().substring(1).split("/");
        String route = exchange.getRequestMethod() + " " + path[0] + " " + path.length;
        switch (route) {
          case "GET health 1" -> body = health();
          case "POST orders 1" -> {
            status = 201;
            body = create(exchange);
          }
          case "GET orders 2" -> body = show(Long.parseLong(path[1]));
          case "POST orders 3" -> body = payments.pay(Long.parseLong(path[1])).json();
          default -> throw new Refused(404, "no such page");
        }
      } catch (Refused refused) {
        status = refused.status;
        body = Map.of("error", refused.getMessage());
      } catch (NumberFormatException notANumber) {
        status = 404;
        body = Map.of("error", "no such order");
      } catch (CardException declined) {
        status = 402;
        body = Map.of("error", declined.getMessage());
      } catch (SQLException | StripeException | RuntimeException failure) {
        failure.printStackTrace();
        status = 500;
        body = Map.of("error", "internal error");
      }
      byte[] text = GSON.toJson(body).getBytes(StandardCharsets.UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, text.length);
      exchange.getResponseBody().write(text);
    }
  }

  private Map<String, Object> health() throws SQLException {
    try (Connection connection = database.getConnection()) {
      return Map.of("ok", connection.isValid(5));
    }
  }

  private Map<String, Object> create(HttpExchange exchange) throws SQLException, IOException {
    var text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    long amount = GSON.fromJson(text, JsonObject.class).get("amount").getAsLong();
    try (Connection connection = database.getConnection()) {
      return Orders.create(connection, amount).json();
    }
  }

  private Map<String, Object> show(long id) throws SQLException, Refused {
    try (Connection connection = database.getConnection()) {
      return Orders.find(connection, id, "").json();
    }
  }
}
