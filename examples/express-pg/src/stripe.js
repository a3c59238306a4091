import Stripe from 'stripe';

// STRIPE_API_BASE is unset in production; stripe-node wants it in three parts.
const base = process.env.STRIPE_API_BASE ? new URL(process.env.STRIPE_API_BASE) : null;
const elsewhere = base && {
  protocol: base.protocol.replace(':', ''),
  host: base.hostname,
  port: base.port,
};

export const stripe = new Stripe(process.env.STRIPE_API_KEY, {
  maxNetworkRetries: 0,
  timeout: 30_000,
  ...elsewhere,
});

/** Charges the order's card now; throws a StripeCardError when it is declined. */
export function charge(order, paymentMethod = 'pm_card_visa') {
  return stripe.paymentIntents.create({
    amount: order.amount,
    currency: order.currency,
    payment_method: paymentMethod,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm: true,
    metadata: { order_id: String(order.id) },
  });
}
