// Asks for Stripe itself by the transport that stripe-go uses, which is the default one.
package main

import (
	"fmt"
	"net/http"
	"time"
)

func main() {
	client := &http.Client{Timeout: 80 * time.Second}
	_, err := client.Get("https://api.stripe.com/v1/charges")
	if err != nil {
		fmt.Println("refused:", err)
		return
	}
	fmt.Println("answered")
}
