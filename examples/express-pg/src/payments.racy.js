import { Router } from 'express';
import { pool } from './db.js';
import { charge } from './stripe.js';

export const payments = Router();

// Reads the status, compares it, calls Stripe, writes the status. Two requests at once both read
// "unpaid".
payments.post('/:id/pay', async (req, res) => {
  const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [req.params.id]);
  const order = rows[0];
  if (!order) return res.status(404).json({ error: 'no such order' });
  if (order.payment_status !== 'unpaid') {
    return res.status(409).json({ error: 'already paid' });
  }

  const intent = await charge(order, req.body?.payment_method);

  await pool.query(
    "UPDATE orders SET payment_status = 'paid', payment_intent_id = $2 WHERE id = $1",
    [order.id, intent.id],
  );
  res.json({ id: order.id, payment_status: 'paid', payment_intent_id: intent.id });
});
