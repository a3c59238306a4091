import { Router } from 'express';
import { transaction } from './db.js';
import { charge } from './stripe.js';

export const payments = Router();

// The same, in a transaction that locks the order's row first: whoever comes second waits there,
// and then reads "paid".
payments.post('/:id/pay', async (req, res) => {
  const answer = await transaction(async (client) => {
    const { rows } = await client.query('SELECT * FROM orders WHERE id = $1 FOR UPDATE', [
      req.params.id,
    ]);
    const order = rows[0];
    if (!order) return { status: 404, body: { error: 'no such order' } };
    if (order.payment_status !== 'unpaid') {
      return { status: 409, body: { error: 'already paid' } };
    }

    const intent = await charge(order, req.body?.payment_method);

    await client.query(
      "UPDATE orders SET payment_status = 'paid', payment_intent_id = $2 WHERE id = $1",
      [order.id, intent.id],
    );
    return {
      status: 200,
      body: { id: order.id, payment_status: 'paid', payment_intent_id: intent.id },
    };
  });
  res.status(answer.status).json(answer.body);
});
