import { Router } from 'express';
import { pool } from './db.js';

export const orders = Router();

orders.post('/', async (req, res) => {
  const { rows } = await pool.query(
    'INSERT INTO orders (amount) VALUES ($1) RETURNING id, amount, currency, payment_status',
    [req.body.amount],
  );
  res.status(201).json(rows[0]);
});

orders.get('/:id', async (req, res) => {
  const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [req.params.id]);
  if (rows.length === 0) return res.status(404).json({ error: 'no such order' });
  res.json(rows[0]);
});
