package shop;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;

/** A row of the table of orders. */
@Entity
@Table(name = "orders")
class Order {
  @Id int id;
  String status;
  int amount;
  String claim;
}
