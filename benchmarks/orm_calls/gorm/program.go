package main

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
)

type Item struct {
	ID      int
	OrderID int
}

type Order struct {
	ID      int
	Status  string
	Version int
	ItemID  int `gorm:"column:first_item"`
	Item    *Item
}

var id = 1

func lock(db *gorm.DB) error {
	CALL(lock)
	return err
}

func conditional(db *gorm.DB) error {
	CALL(conditional)
	return nil
}

func advisory(db *gorm.DB) error {
	CALL(advisory)
	return err
}

func serializable(db *gorm.DB) error {
	CALL(serializable)
	return err
}

func main() {
	db, err := gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")), &gorm.Config{Logger: logger.Discard})
	must(err)
	joined := func(lock clause.Locking) error {
		var row Order
		return db.Transaction(func(tx *gorm.DB) error {
			return tx.Clauses(lock).Joins("Item").First(&row, id).Error
		})
	}
	cases(func(text string) { must(db.Exec(text).Error) }, []named{
		{"lock", none(func() error { return lock(db) })},
		{"outside", none(func() error {
			var row Order
			return db.Clauses(clause.Locking{Strength: "UPDATE"}).First(&row, "id = ?", id).Error
		})},
		{"join", none(func() error { return joined(clause.Locking{Strength: "UPDATE"}) })},
		{"join_of", none(func() error { return joined(CALL(joined)) })},
		{"refreshed", func() (string, error) {
			var row Order
			must(db.First(&row, id).Error)
			before := row.Status
			must(db.Exec("UPDATE orders SET status = 'paid'").Error)
			err := db.Clauses(clause.Locking{Strength: "UPDATE"}).First(&row, "id = ?", id).Error
			return fmt.Sprintf("loaded: %s, answered: %s", before, row.Status), err
		}},
		{"conditional", func() (string, error) { return twice(func() error { return conditional(db) }) }},
		{"stale", func() (string, error) {
			var one, other Order
			must(db.First(&one, id).Error)
			must(db.First(&other, id).Error)
			one.Status, one.Version = "paid", 2
			must(db.Save(&one).Error)
			other.Status = "cancelled"
			if err := db.Save(&other).Error; err != nil {
				return "", err
			}
			var now Order
			err := db.First(&now, id).Error
			return fmt.Sprintf("not refused: %s, version %d", now.Status, now.Version), err
		}},
		{"bulk", func() (string, error) {
			must(db.Model(&Order{}).Where("id = ?", id).Update("status", "paid").Error)
			var now Order
			err := db.First(&now, id).Error
			return fmt.Sprintf("version %d", now.Version), err
		}},
		{"advisory", none(func() error { return advisory(db) })},
		{"serializable", none(func() error { return serializable(db) })},
	})
}
