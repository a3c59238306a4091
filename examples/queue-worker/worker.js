import pg from 'pg';
import { pool } from './src/db.js';
import { nextJob } from './src/queue.js';
import { charge } from './src/stripe.js';

const SLOTS = Number(process.env.WORKER_SLOTS ?? 4); // jobs worked on at once
const POLL_MS = Number(process.env.POLL_MS ?? 5_000); // for notifications that got lost
let busy = 0;

/** Works in a free slot, if there is one, until no job is left. */
async function wake() {
  if (busy === SLOTS) return;
  busy += 1;
  try {
    for (let job = await nextJob(); job; job = await nextJob()) await work(job);
  } catch (error) {
    console.error(error);
  } finally {
    busy -= 1;
  }
}

async function work(job) {
  const { rows } = await pool.query('SELECT * FROM orders WHERE id = $1', [job.order_id]);
  try {
    const intent = await charge(rows[0]);
    await pool.query(
      "UPDATE orders SET payment_status = 'paid', payment_intent_id = $2 WHERE id = $1",
      [job.order_id, intent.id],
    );
    await pool.query("UPDATE jobs SET state = 'done' WHERE id = $1", [job.id]);
  } catch (error) {
    console.error(error);
    await pool.query("UPDATE orders SET payment_status = 'failed' WHERE id = $1", [job.order_id]);
    await pool.query("UPDATE jobs SET state = 'failed' WHERE id = $1", [job.id]);
  }
}

const listener = new pg.Client({ connectionString: process.env.DATABASE_URL });
await listener.connect();
listener.on('notification', wake);
await listener.query('LISTEN jobs');
await wake(); // what was left by those before us
setInterval(wake, POLL_MS);
console.log('worker is ready');
