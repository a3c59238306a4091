import { Router } from 'express';
import { Refused } from './errors.js';
import { withOrder } from './orders.service.js';
import { charge, createIntent } from './stripe.js';

export const paymentsRouter = Router();

paymentsRouter.post('/:id/create-intent', async (req, res) => {
  const order = await withOrder(Number(req.params.id), async (order) => {
    if (order.payment_intent_id) throw new Refused(409, 'there is an intent already');
    const intent = await createIntent(order);
    return { payment_status: 'unpaid', payment_intent_id: intent.id };
  });
  res.status(201).json(order);
});

paymentsRouter.post('/:id/pay', async (req, res) => {
  const order = await withOrder(Number(req.params.id), async (order) => {
    const intent = await charge(order, req.body?.payment_method ?? 'pm_card_visa');
    return { payment_status: 'paid', payment_intent_id: intent.id };
  });
  res.json(order);
});
