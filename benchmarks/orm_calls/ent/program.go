package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"example.com/seen/ent"
	"example.com/seen/ent/order"
	_ "github.com/jackc/pgx/v5/stdlib"
)

var id = 1
var ctx = context.Background()

func lock(client *ent.Client) error {
	CALL(lock)
	_ = row
	return err
}

func conditional(client *ent.Client) error {
	CALL(conditional)
	return nil
}

func advisory(client *ent.Client) error {
	CALL(advisory)
	return err
}

func serializable(client *ent.Client) error {
	CALL(serializable)
	return err
}

func now(client *ent.Client) *ent.Order {
	row, err := client.Order.Get(ctx, id)
	must(err)
	return row
}

func main() {
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	must(err)
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
	raw := func(text string) { _, err := db.Exec(text); must(err) }
	cases(raw, []named{
		{"lock", none(func() error { return lock(client) })},
		{"outside", none(func() error {
			_, err := client.Order.Query().Where(order.ID(id)).ForUpdate().Only(ctx)
			return err
		})},
		{"refreshed", func() (string, error) {
			before := now(client)
			raw("UPDATE orders SET status = 'paid'")
			tx, err := client.Tx(ctx)
			must(err)
			defer tx.Rollback()
			under, err := tx.Order.Query().Where(order.ID(id)).ForUpdate().Only(ctx)
			return fmt.Sprintf("loaded: %s, answered: %s", before.Status, under.Status), err
		}},
		{"conditional", func() (string, error) { return twice(func() error { return conditional(client) }) }},
		{"stale", func() (string, error) {
			one, other := now(client), now(client)
			must(one.Update().SetStatus("paid").SetVersion(2).Exec(ctx))
			err := other.Update().SetStatus("cancelled").Exec(ctx)
			after := now(client)
			return fmt.Sprintf("not refused: %s, version %d", after.Status, after.Version), err
		}},
		{"bulk", func() (string, error) {
			err := client.Order.Update().Where(order.ID(id)).SetStatus("paid").Exec(ctx)
			return fmt.Sprintf("version %d", now(client).Version), err
		}},
		{"advisory", none(func() error { return advisory(client) })},
		{"serializable", none(func() error { return serializable(client) })},
	})
}
