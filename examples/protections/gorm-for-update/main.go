// A payment that a row lock of GORM 1.31.2 is to keep from being made twice.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/stripe/stripe-go/v84"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
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

var db *gorm.DB

// Order is a row of the table orders.
type Order struct {
	ID     int
	Status string
	Amount int
}

func pay(ctx context.Context, id int) (int, error) {
	status := http.StatusConflict
	err := db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var order Order
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&order, id).Error; err != nil {
			return err
		}
		if order.Status != "unpaid" {
			return nil
		}
		if err := charge(ctx, id); err != nil {
			return err
		}
		status = http.StatusCreated
		return tx.Model(&order).Update("status", "paid").Error
	})
	return status, err
}

func main() {
	var err error
	db, err = gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
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
