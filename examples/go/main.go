// A shop's payment service: net/http, pgx and stripe-go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type server struct {
	db       *pgxpool.Pool
	payments *payments
}

func main() {
	db, err := pgxpool.New(context.Background(), os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	s := &server{db: db, payments: newPayments(db, os.Getenv("LOCK_ORDERS") == "1")}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("POST /orders", s.create)
	mux.HandleFunc("GET /orders/{id}", s.show)
	mux.HandleFunc("POST /orders/{id}/pay", s.pay)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux))
}

func (s *server) health(w http.ResponseWriter, r *http.Request) {
	if err := s.db.Ping(r.Context()); err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]bool{"ok": true})
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Amount int64 `json:"amount"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	rows, err := s.db.Query(r.Context(),
		"INSERT INTO orders (amount) VALUES ($1) RETURNING *", body.Amount)
	if err != nil {
		fail(w, err)
		return
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Order])
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusCreated, order)
}

func (s *server) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		fail(w, errNoSuchOrder)
		return
	}
	order, err := find(r.Context(), s.db, "SELECT * FROM orders WHERE id = $1", id)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, order)
}

func (s *server) pay(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		fail(w, errNoSuchOrder)
		return
	}
	order, err := s.payments.pay(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, order)
}

func fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errNoSuchOrder):
		answer(w, http.StatusNotFound, map[string]string{"error": err.Error()})
	case errors.Is(err, errAlreadyPaid):
		answer(w, http.StatusConflict, map[string]string{"error": err.Error()})
	case declined(err):
		answer(w, http.StatusPaymentRequired, map[string]string{"error": err.Error()})
	default:
		log.Print(err)
		answer(w, http.StatusInternalServerError, map[string]string{"error": "internal error"})
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}
