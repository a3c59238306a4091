import express from 'express';
import { pool } from './src/db.js';

const app = express();
app.use(express.json());

app.get('/health', async (req, res) => {
  await pool.query('SELECT 1');
  res.json({ ok: true });
});

app.post('/orders', async (req, res) => {
  const { rows } = await pool.query('INSERT INTO orders (amount) VALUES ($1) RETURNING *', [
    req.body.amount,
  ]);
  res.status(201).json(rows[0]);
});

app.get('/orders/:id', async (req, res) => {
  const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [req.params.id]);
  if (rows.length === 0) return res.status(404).json({ error: 'no such order' });
  res.json(rows[0]);
});

// Says "accepted"; the worker takes the money. One statement, so that of two requests for one
// order the second finds it queued.
app.post('/orders/:id/pay', async (req, res) => {
  const { rowCount } = await pool.query(
    `WITH claimed AS (
       UPDATE orders SET payment_status = 'queued'
       WHERE id = $1 AND payment_status = 'unpaid' RETURNING id
     ), job AS (
       INSERT INTO jobs (order_id) SELECT id FROM claimed RETURNING id
     )
     SELECT pg_notify('jobs', id::text) FROM job`,
    [req.params.id],
  );
  if (rowCount === 0) return res.status(409).json({ error: 'not to be paid' });
  res.status(202).json({ id: Number(req.params.id), payment_status: 'queued' });
});

const port = Number(process.env.PORT ?? 3000);
app.listen(port, '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${port}`));
