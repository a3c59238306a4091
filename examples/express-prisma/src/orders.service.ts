import type { Guard } from './guards/guard.js';
import { redisLock } from './guards/redisLock.js';
import { rowLock } from './guards/rowLock.js';
import { unguarded } from './guards/unguarded.js';
import { versionColumn } from './guards/versionColumn.js';

const guards: Record<string, Guard> = {
  none: unguarded,
  row_lock: rowLock,
  version: versionColumn,
  redis_lock: redisLock,
};

const name = process.env.PAYMENT_GUARD ?? 'none';
const guard = guards[name];
if (!guard) {
  throw new Error(`PAYMENT_GUARD=${name}: expected one of ${Object.keys(guards).join(', ')}`);
}

/** Runs a piece of work on an order that may be paid, guarded as PAYMENT_GUARD says. */
export const withOrder: Guard = guard;
