import { prisma } from '../db.js';
import type { Order } from '../generated/prisma/client.js';
import { type Guard, payable } from './guard.js';

// Prisma ends an interactive transaction after 5 s unless told otherwise, with the money moved
// and the order unpaid. It has to be longer than Stripe's time-out.
const timeout = Number(process.env.TRANSACTION_TIMEOUT_MS ?? 60_000);

// Option A: the row is locked from the reading to the commit. Prisma's own queries cannot say
// FOR UPDATE, hence the raw one.
export const rowLock: Guard = (id, work) =>
  prisma.$transaction(
    async (tx) => {
      const rows = await tx.$queryRaw<Order[]>`SELECT * FROM orders WHERE id = ${id} FOR UPDATE`;
      const change = await work(payable(rows[0]));
      return tx.order.update({ where: { id }, data: change });
    },
    { maxWait: timeout, timeout },
  );
