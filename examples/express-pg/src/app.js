import express from 'express';
import { pool } from './db.js';
import { orders } from './orders.js';
import { payments as racy } from './payments.racy.js';
import { payments as fixed } from './payments.fixed.js';

export function createApp() {
  const app = express();
  app.use(express.json());

  app.get('/health', async (req, res) => {
    await pool.query('SELECT 1');
    res.json({ ok: true });
  });
  app.use('/orders', orders);
  app.use('/orders', process.env.PAYMENTS === 'fixed' ? fixed : racy);

  app.use((error, req, res, next) => {
    if (error.type === 'StripeCardError') {
      return res.status(402).json({ error: error.message });
    }
    console.error(error);
    res.status(500).json({ error: 'internal error' });
  });
  return app;
}
