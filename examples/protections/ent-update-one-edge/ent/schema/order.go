// Package schema has the tables of the shop.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// Order is a row of the table orders.
type Order struct {
	ent.Schema
}

// Annotations name the table.
func (Order) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "orders"}}
}

// Fields are the columns.
func (Order) Fields() []ent.Field {
	return []ent.Field{field.String("status"), field.Int("amount")}
}

// Edges lead to the payments of an order.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{edge.To("payments", Payment.Type).StorageKey(edge.Column("order_id"))}
}

// Payment is a row of the table payments.
type Payment struct {
	ent.Schema
}

// Annotations name the table.
func (Payment) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Annotation{Table: "payments"}}
}
