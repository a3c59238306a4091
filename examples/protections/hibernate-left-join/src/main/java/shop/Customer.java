package shop;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;

/** A row of the table of customers. */
@Entity
@Table(name = "customers")
class Customer {
  @Id int id;
}
