// A payment behind the idempotency middleware of Fiber 3.1.0, with its defaults but for the key's form.
package main

import (
	"log"
	"os"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/idempotency"
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

// pay charges the order's card. Nothing but the library above stands in the way of a second time.
func pay(c fiber.Ctx) error {
	var order struct {
		Order string `json:"order"`
	}
	if err := c.Bind().JSON(&order); err != nil {
		return err
	}
	intent, err := payments.V1PaymentIntents.Create(c.Context(), &stripe.PaymentIntentCreateParams{
		Amount:        stripe.Int64(1999),
		Currency:      stripe.String("eur"),
		PaymentMethod: stripe.String("pm_card_visa"),
		AutomaticPaymentMethods: &stripe.PaymentIntentCreateAutomaticPaymentMethodsParams{
			Enabled:        stripe.Bool(true),
			AllowRedirects: stripe.String("never"),
		},
		Confirm:  stripe.Bool(true),
		Metadata: map[string]string{"order": order.Order},
	})
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(fiber.Map{"intent": intent.ID})
}

func main() {
	app := fiber.New()
	app.Get("/health", func(c fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	app.Use(idempotency.New(idempotency.Config{
		KeyHeaderValidate: func(string) error { return nil },
	}))
	app.Post("/pay", pay)
	log.Fatal(app.Listen("127.0.0.1:"+os.Getenv("PORT"), fiber.ListenConfig{DisableStartupMessage: true}))
}
