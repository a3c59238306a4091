import { Refused } from '../errors.js';
import type { Order } from '../generated/prisma/client.js';

export type Change = { payment_status: string; payment_intent_id: string };

/** What is done with an order that may be paid: calls Stripe, and says how the order ends. */
export type Work = (order: Order) => Promise<Change>;

/** Runs `work` on an order; how it keeps others away meanwhile is what the guards differ in. */
export type Guard = (id: number, work: Work) => Promise<Order>;

/** The order, if it may be paid; else throws what the client is told. */
export function payable(order: Order | null | undefined): Order {
  if (!order) throw new Refused(404, 'no such order');
  if (order.payment_status !== 'unpaid') throw new Refused(409, `is ${order.payment_status}`);
  return order;
}
