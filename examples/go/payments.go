package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stripe/stripe-go/v83"
)

var (
	errNoSuchOrder = errors.New("no such order")
	errAlreadyPaid = errors.New("already paid")
)

// Order is a row of the table orders.
type Order struct {
	ID              int64   `json:"id" db:"id"`
	Amount          int64   `json:"amount" db:"amount"`
	Currency        string  `json:"currency" db:"currency"`
	PaymentStatus   string  `json:"payment_status" db:"payment_status"`
	PaymentIntentID *string `json:"payment_intent_id" db:"payment_intent_id"`
}

type payments struct {
	db     *pgxpool.Pool
	stripe *stripe.Client
	lock   string // " FOR UPDATE", or nothing
}

func newPayments(db *pgxpool.Pool, lockOrders bool) *payments {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: 30 * time.Second},
		MaxNetworkRetries: stripe.Int64(0),
	}
	if base := os.Getenv("STRIPE_API_BASE"); base != "" { // unset in production
		config.URL = stripe.String(base)
	}
	p := &payments{
		db: db,
		stripe: stripe.NewClient(os.Getenv("STRIPE_API_KEY"),
			stripe.WithBackends(stripe.NewBackendsWithConfig(config))),
	}
	if lockOrders {
		p.lock = " FOR UPDATE"
	}
	return p
}

// pay charges the order's card. A transaction alone protects nothing: both of two requests read
// "unpaid" in theirs. The lock on the row makes the second one wait at the reading.
func (p *payments) pay(ctx context.Context, id int64) (order Order, err error) {
	err = pgx.BeginFunc(ctx, p.db, func(tx pgx.Tx) error {
		order, err = find(ctx, tx, "SELECT * FROM orders WHERE id = $1"+p.lock, id)
		if err != nil {
			return err
		}
		if order.PaymentStatus != "unpaid" {
			return errAlreadyPaid
		}

		intent, err := p.charge(ctx, order)
		if err != nil {
			return err
		}

		order.PaymentStatus, order.PaymentIntentID = "paid", &intent.ID
		_, err = tx.Exec(ctx,
			"UPDATE orders SET payment_status = $2, payment_intent_id = $3 WHERE id = $1",
			order.ID, order.PaymentStatus, order.PaymentIntentID)
		return err
	})
	return order, err
}

func (p *payments) charge(ctx context.Context, order Order) (*stripe.PaymentIntent, error) {
	params := &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(order.Amount),
		Currency:      stripe.String(order.Currency),
		PaymentMethod: stripe.String("pm_card_visa"),
		AutomaticPaymentMethods: &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled:        stripe.Bool(true),
			AllowRedirects: stripe.String("never"),
		},
		Confirm: stripe.Bool(true),
	}
	params.AddMetadata("order_id", strconv.FormatInt(order.ID, 10))
	return p.stripe.V1PaymentIntents.Create(ctx, params)
}

func declined(err error) bool {
	var failure *stripe.Error
	return errors.As(err, &failure) && failure.Type == stripe.ErrorTypeCard
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func find(ctx context.Context, db querier, sql string, id int64) (Order, error) {
	rows, err := db.Query(ctx, sql, id)
	if err != nil {
		return Order{}, err
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, errNoSuchOrder
	}
	return order, err
}
