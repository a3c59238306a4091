package shop;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import jakarta.persistence.Version;

/** A row of the table of orders. */
@Entity
@Table(name = "orders")
class Order {
  @Id int id;
  String status;
  int amount;
  @Version int version;
}
