// A payment that a row lock of Bun 1.2.18 is to keep from being made twice.
package main

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/stripe/stripe-go/v84"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/driver/pgdriver"
)

var payments = newStripe()

func newStripe() *stripe.Client {
	config := &stripe.BackendConfig{MaxNetworkRetries: stripe.Int64(0)}
	if base := os.Getenv("STRIPE_API_BASE"); base != "" { // unset in production
		config.URL = stripe.String(base)
	}
	backends := stripe.NewBackendsWithConfig(config)
	return stripe.NewClient(os.Getenv("STRIPE_API_KEY"), stripe.WithBackends(backends))
}

// charge charges the order's card. Nothing but the library above stands in the way of a second time.
func charge(ctx context.Context, order int) error {
	_, err := payments.V1PaymentIntents.Create(ctx, &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(1999),
		Currency:      stripe.String("eur"),
		PaymentMethod: stripe.String("pm_card_visa"),
		AutomaticPaymentMethods: &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled:        stripe.Bool(true),
			AllowRedirects: stripe.String("never"),
		},
		Confirm:  stripe.Bool(true),
		Metadata: map[string]string{"order": strconv.Itoa(order)},
	})
	return err
}

var db *bun.DB

// Order is a row of the table orders.
type Order struct {
	ID     int `bun:",pk"`
	Status string
	Amount int
}

func pay(ctx context.Context, id int) (int, error) {
	status := http.StatusConflict
	err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		order := Order{ID: id}
		if err := tx.NewSelect().Model(&order).WherePK().For("UPDATE").Scan(ctx); err != nil {
			return err
		}
		if order.Status != "unpaid" {
			return nil
		}
		if err := charge(ctx, id); err != nil {
			return err
		}
		order.Status = "paid"
		status = http.StatusCreated
		_, err := tx.NewUpdate().Model(&order).WherePK().Exec(ctx)
		return err
	})
	return status, err
}

func main() {
	connector := pgdriver.NewConnector(pgdriver.WithDSN(os.Getenv("DATABASE_URL") + "?sslmode=disable"))
	db = bun.NewDB(sql.OpenDB(connector), pgdialect.New())
	http.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {})
	http.HandleFunc("POST /orders/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.PathValue("id"))
		status := http.StatusNotFound
		if err == nil {
			status, err = pay(r.Context(), id)
		}
		if err != nil {
			log.Print(err)
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
