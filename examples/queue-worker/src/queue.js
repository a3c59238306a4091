import { pool } from './db.js';

// Three ways to take the next job. Each returns it, or undefined when there is none.

/** Reads, then writes: two workers read the same job. */
async function unlocked() {
  const { rows } = await pool.query(
    "SELECT * FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1",
  );
  if (rows.length === 0) return undefined;
  await pool.query("UPDATE jobs SET state = 'running' WHERE id = $1", [rows[0].id]);
  return rows[0];
}

/** As copied from a blog, but without its BEGIN: the lock is gone when the SELECT has answered. */
async function autocommit() {
  const { rows } = await pool.query(
    `SELECT * FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1
     FOR UPDATE SKIP LOCKED`,
  );
  if (rows.length === 0) return undefined;
  await pool.query("UPDATE jobs SET state = 'running' WHERE id = $1", [rows[0].id]);
  return rows[0];
}

/** Takes and marks in one statement, which is a transaction of its own. */
async function skipLocked() {
  const { rows } = await pool.query(
    `UPDATE jobs SET state = 'running'
     WHERE id = (SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1
                 FOR UPDATE SKIP LOCKED)
     RETURNING *`,
  );
  return rows[0];
}

const ways = { unlocked, autocommit, skip_locked: skipLocked };

export const nextJob = ways[process.env.QUEUE ?? 'unlocked'];
if (!nextJob) throw new Error(`QUEUE: expected one of ${Object.keys(ways).join(', ')}`);
