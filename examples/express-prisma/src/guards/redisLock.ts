import { prisma } from '../db.js';
import { Refused } from '../errors.js';
import type { Order } from '../generated/prisma/client.js';
import { type Guard, type Work, payable } from './guard.js';
import { locked } from '../redis.js';

// Option C: a lock in Redis keeps others away, and because its lease may run out while we are at
// work, Postgres checks a fencing token: whoever was overtaken cannot claim the order any more.
export const redisLock: Guard = async (id, work) => {
  const order = await locked(`lock:order:${id}`, (token) => fenced(id, token, work));
  if (order === undefined) throw new Refused(409, 'the order is being worked on');
  return order;
};

async function fenced(id: number, token: number, work: Work): Promise<Order> {
  const [order] = await prisma.order.updateManyAndReturn({
    where: { id, fence: { lt: token } },
    data: { fence: token },
  });
  if (!order) throw new Refused(409, 'overtaken');
  payable(order);
  const claimed = await prisma.order.updateMany({
    where: { id, fence: token },
    data: { payment_status: 'processing' },
  });
  if (claimed.count === 0) throw new Refused(409, 'overtaken');

  try {
    const change = await work(order);
    return await prisma.order.update({ where: { id }, data: change });
  } catch (error) {
    await prisma.order.update({ where: { id }, data: { payment_status: 'unpaid' } });
    throw error;
  }
}
