package shop;

import com.stripe.StripeClient;
import com.stripe.exception.StripeException;
import com.stripe.model.PaymentIntent;
import com.stripe.param.PaymentIntentCreateParams;
import com.stripe.param.PaymentIntentCreateParams.AutomaticPaymentMethods;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;

/** Charges orders, in one database transaction each. */
final class Payments {
  private final DataSource database;
  private final StripeClient stripe;
  private final String lock;

  Payments(DataSource database, StripeClient stripe, boolean lockOrders) {
    this.database = database;
    this.stripe = stripe;
    this.lock = lockOrders ? " FOR UPDATE" : "";
  }

  /**
   * Charges the order's card. A transaction alone protects nothing: both of two requests read
   * "unpaid" in theirs. The lock on the row makes the second one wait at the reading.
   */
  Order pay(long id) throws SQLException, StripeException, Refused {
    try (Connection connection = database.getConnection()) {
      connection.setAutoCommit(false);
      try {
        Order order = Orders.find(connection, id, lock);
        if (!order.status().equals("unpaid")) {
          throw new Refused(409, "already paid");
        }
        Order paid = order.paid(charge(order).getId());
        Orders.save(connection, paid);
        connection.commit();
        return paid;
      } catch (SQLException | StripeException | Refused | RuntimeException failure) {
        connection.rollback();
        throw failure;
      }
    }
  }

  private PaymentIntent charge(Order order) throws StripeException {
    var params =
        PaymentIntentCreateParams.builder()
            .setAmount(order.amount())
            .setCurrency(order.currency())
            .setPaymentMethod("pm_card_visa")
            .setAutomaticPaymentMethods(
                AutomaticPaymentMethods.builder()
                    .setEnabled(true)
                    .setAllowRedirects(AutomaticPaymentMethods.AllowRedirects.NEVER)
                    .build())
            .setConfirm(true)
            .putMetadata("order_id", Long.toString(order.id()))
            .build();
    return stripe.v1().paymentIntents().create(params);
  }
}
