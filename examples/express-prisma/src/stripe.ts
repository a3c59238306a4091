import Stripe from 'stripe';
import type { Order } from './generated/prisma/client.js';

// STRIPE_API_BASE is unset in production; stripe-node wants it in three parts.
const base = process.env.STRIPE_API_BASE ? new URL(process.env.STRIPE_API_BASE) : null;

const stripe = new Stripe(process.env.STRIPE_API_KEY ?? '', {
  maxNetworkRetries: 0,
  timeout: 30_000,
  ...(base && {
    protocol: base.protocol === 'https:' ? ('https' as const) : ('http' as const),
    host: base.hostname,
    port: base.port,
  }),
});

/** A payment intent that the client is going to confirm later. */
export function createIntent(order: Order) {
  return stripe.paymentIntents.create({
    amount: order.amount,
    currency: order.currency,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    metadata: { order_id: String(order.id) },
  });
}

/** Takes the money now: by the order's intent if it has one. Throws when the card is declined. */
export function charge(order: Order, paymentMethod: string) {
  if (order.payment_intent_id) {
    return stripe.paymentIntents.confirm(order.payment_intent_id, {
      payment_method: paymentMethod,
    });
  }
  return stripe.paymentIntents.create({
    amount: order.amount,
    currency: order.currency,
    payment_method: paymentMethod,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    confirm: true,
    metadata: { order_id: String(order.id) },
  });
}
