package shop;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;

record Order(long id, long amount, String currency, String status, String intent) {

  static Order of(ResultSet row) throws SQLException {
    return new Order(
        row.getLong("id"),
        row.getLong("amount"),
        row.getString("currency"),
        row.getString("payment_status"),
        row.getString("payment_intent_id"));
  }

  Order paid(String intent) {
    return new Order(id, amount, currency, "paid", intent);
  }

  Map<String, Object> json() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", id);
    fields.put("amount", amount);
    fields.put("currency", currency);
    fields.put("payment_status", status);
    fields.put("payment_intent_id", intent);
    return fields;
  }
}
