import Stripe from 'stripe';

// STRIPE_API_BASE is unset in production; stripe-node wants it in three parts.
const base = process.env.STRIPE_API_BASE ? new URL(process.env.STRIPE_API_BASE) : null;
const elsewhere = base && {
  protocol: base.protocol.replace(':', ''),
  host: base.hostname,
  port: base.port,
};

const stripe = new Stripe(process.env.STRIPE_API_KEY, {
  maxNetworkRetries: 0,
  timeout: 30_000,
  ...elsewhere,
});

export function charge(order) {
  return stripe.paymentIntents.create({
    amount: order.amount,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm: true,
    metadata: { order_id: String(order.id) },
  });
}
