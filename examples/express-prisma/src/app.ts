import express, { type ErrorRequestHandler } from 'express';
import Stripe from 'stripe';
import { prisma } from './db.js';
import { Refused } from './errors.js';
import { ordersRouter } from './orders.routes.js';
import { paymentsRouter } from './payments.routes.js';

const onError: ErrorRequestHandler = (error, _req, res, _next) => {
  if (error instanceof Refused) {
    res.status(error.status).json({ error: error.message });
  } else if (error instanceof Stripe.errors.StripeCardError) {
    res.status(402).json({ error: error.message });
  } else {
    console.error(error);
    res.status(500).json({ error: 'internal error' });
  }
};

export function createApp() {
  const app = express();
  app.use(express.json());
  app.get('/health', async (_req, res) => {
    await prisma.$queryRaw`SELECT 1`;
    res.json({ ok: true });
  });
  app.use('/orders', ordersRouter);
  app.use('/orders', paymentsRouter);
  app.use(onError);
  return app;
}
