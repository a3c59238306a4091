package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

type Item struct {
	ID int `bun:",pk"`
}

type Order struct {
	ID      int `bun:",pk"`
	Status  string
	Version int
	ItemID  int   `bun:"first_item"`
	Item    *Item `bun:"rel:belongs-to,join:first_item=id"`
}

var id = 1
var ctx = context.Background()

func lock(db *bun.DB) error {
	CALL(lock)
	return err
}

func conditional(db *bun.DB) error {
	CALL(conditional)
	return nil
}

func advisory(db *bun.DB) error {
	CALL(advisory)
	return err
}

func serializable(db *bun.DB) error {
	CALL(serializable)
	return err
}

func now(db *bun.DB) Order {
	row := Order{}
	must(db.NewSelect().Model(&row).Where("id = ?", id).Scan(ctx))
	return row
}

func main() {
	opened, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	must(err)
	db := bun.NewDB(opened, pgdialect.New())
	cases(func(text string) { _, err := db.ExecContext(ctx, text); must(err) }, []named{
		{"lock", none(func() error { return lock(db) })},
		{"outside", none(func() error {
			return db.NewSelect().Model(new(Order)).Where("id = ?", id).For("UPDATE").Scan(ctx)
		})},
		{"join", none(func() error {
			return db.NewSelect().Model(new(Order)).Relation("Item").For("UPDATE").Scan(ctx)
		})},
		{"join_of", none(func() error {
			return db.NewSelect().Model(new(Order)).Relation("Item")CALL(joined).Scan(ctx)
		})},
		{"refreshed", func() (string, error) {
			row := now(db)
			before := row.Status
			_, err := db.ExecContext(ctx, "UPDATE orders SET status = 'paid'")
			must(err)
			err = db.NewSelect().Model(&row).Where("id = ?", id).For("UPDATE").Scan(ctx)
			return fmt.Sprintf("loaded: %s, answered: %s", before, row.Status), err
		}},
		{"conditional", func() (string, error) { return twice(func() error { return conditional(db) }) }},
		{"stale", func() (string, error) {
			one, other := now(db), now(db)
			one.Status, one.Version = "paid", 2
			_, err := db.NewUpdate().Model(&one).WherePK().Exec(ctx)
			must(err)
			other.Status = "cancelled"
			_, err = db.NewUpdate().Model(&other).WherePK().Exec(ctx)
			after := now(db)
			return fmt.Sprintf("not refused: %s, version %d", after.Status, after.Version), err
		}},
		{"bulk", func() (string, error) {
			_, err := db.NewUpdate().Model((*Order)(nil)).Set("status = ?", "paid").Where("id = ?", id).Exec(ctx)
			return fmt.Sprintf("version %d", now(db).Version), err
		}},
		{"advisory", none(func() error { return advisory(db) })},
		{"serializable", none(func() error { return serializable(db) })},
	})
}
