// An order that an update over a join of GORM 1.31.2's generics is to claim for its customer alone.
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

// Customer is a row of the table customers.
type Customer struct {
	ID int
}

// Order is a row of the table orders.
type Order struct {
	ID         int
	Status     string
	Amount     int
	CustomerID int
	Customer   Customer
}

// pay pays the unpaid order of a customer.
func pay(ctx context.Context, customer int) (int, error) {
	claimed, err := gorm.G[Order](db).
		Joins(clause.InnerJoin.Association("Customer"), func(on gorm.JoinBuilder, joined, _ clause.Table) error {
			on.Where("?.id = ?", joined, customer)
			return nil
		}).
		Where("status = ?", "unpaid").
		Update(ctx, "status", "paying")
	if err != nil {
		return 0, err
	}
	if claimed == 0 {
		return http.StatusConflict, nil
	}
	order, err := gorm.G[Order](db).Where("customer_id = ?", customer).First(ctx)
	if err != nil {
		return 0, err
	}
	if err := charge(ctx, order.ID); err != nil {
		return 0, err
	}
	_, err = gorm.G[Order](db).Where("id = ?", order.ID).Update(ctx, "status", "paid")
	return http.StatusCreated, err
}

func main() {
	var err error
	db, err = gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {})
	http.HandleFunc("POST /customers/{id}/pay", func(w http.ResponseWriter, r *http.Request) {
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
