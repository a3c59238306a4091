// A payment in a job of River 0.51.2, whose uniqueness is to keep it from being made twice.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/stripe/stripe-go/v84"
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

var (
	db    *pgxpool.Pool
	queue *river.Client[pgx.Tx]
)

// Settle is what a job is given.
type Settle struct {
	Order int `json:"order" river:"unique"`
}

// Kind names the job.
func (Settle) Kind() string { return "settle" }

type settler struct{ river.WorkerDefaults[Settle] }

// Work charges an order that is not paid yet.
func (settler) Work(ctx context.Context, job *river.Job[Settle]) error {
	var status string
	id := job.Args.Order
	if err := db.QueryRow(ctx, "SELECT status FROM orders WHERE id = $1", id).Scan(&status); err != nil {
		return err
	}
	if status != "unpaid" {
		return nil
	}
	if err := charge(ctx, id); err != nil {
		return err
	}
	_, err := db.Exec(ctx, "UPDATE orders SET status = 'paid' WHERE id = $1", id)
	return err
}

func pay(ctx context.Context, id int) (int, error) {
	unique := river.UniqueOpts{ByArgs: true}
	added, err := queue.Insert(ctx, Settle{Order: id}, &river.InsertOpts{UniqueOpts: unique})
	if err != nil {
		return 0, err
	}
	if added.UniqueSkippedAsDuplicate {
		return http.StatusConflict, nil
	}
	return http.StatusAccepted, nil
}

// start migrates the tables of the queue, and begins to work.
func start(ctx context.Context) error {
	var err error
	if db, err = pgxpool.New(ctx, os.Getenv("DATABASE_URL")); err != nil {
		return err
	}
	driver := riverpgxv5.New(db)
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return err
	}
	if _, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, settler{})
	queue, err = river.NewClient(driver, &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 5}},
		Workers: workers,
	})
	if err != nil {
		return err
	}
	return queue.Start(ctx)
}

func main() {
	if err := start(context.Background()); err != nil {
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
