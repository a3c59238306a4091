// A payment that a conditional update of ent 0.14.5 is to keep from being made twice.
package main

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"strconv"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stripe/stripe-go/v84"

	"shop/ent"
	"shop/ent/order"
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

var shop *ent.Client

func pay(ctx context.Context, id int) (int, error) {
	payment, err := shop.Payment.Create().Save(ctx)
	if err != nil {
		return 0, err
	}
	err = shop.Order.UpdateOneID(id).Where(order.Status("unpaid")).AddPayments(payment).Exec(ctx)
	if ent.IsNotFound(err) {
		return http.StatusConflict, nil
	}
	if err != nil {
		return 0, err
	}
	if err := charge(ctx, id); err != nil {
		return 0, err
	}
	return http.StatusCreated, shop.Order.UpdateOneID(id).SetStatus("paid").Exec(ctx)
}

func main() {
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	shop = ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
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
