package shop;

import java.sql.Connection;
import java.sql.SQLException;

/** The table of orders. */
final class Orders {
  private Orders() {}

  static Order create(Connection connection, long amount) throws SQLException {
    try (var insert =
        connection.prepareStatement("INSERT INTO orders (amount) VALUES (?) RETURNING *")) {
      insert.setLong(1, amount);
      try (var rows = insert.executeQuery()) {
        rows.next();
        return Order.of(rows);
      }
    }
  }

  static Order find(Connection connection, long id, String lock) throws SQLException, Refused {
    try (var select =
        connection.prepareStatement("SELECT * FROM orders WHERE id = ?" + lock)) {
      select.setLong(1, id);
      try (var rows = select.executeQuery()) {
        if (!rows.next()) {
          throw new Refused(404, "no such order");
        }
        return Order.of(rows);
      }
    }
  }

  static void save(Connection connection, Order order) throws SQLException {
    try (var update =
        connection.prepareStatement(
            "UPDATE orders SET payment_status = ?, payment_intent_id = ? WHERE id = ?")) {
      update.setString(1, order.status());
      update.setString(2, order.intent());
      update.setLong(3, order.id());
      update.executeUpdate();
    }
  }
}
