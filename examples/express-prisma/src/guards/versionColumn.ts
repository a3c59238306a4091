import { prisma } from '../db.js';
import { Refused } from '../errors.js';
import { type Guard, payable } from './guard.js';

// Option B: the order is claimed by a conditional write on its version BEFORE Stripe is called.
// Checked after the call it would only find out that money was taken twice.
export const versionColumn: Guard = async (id, work) => {
  const order = payable(await prisma.order.findUnique({ where: { id } }));
  const claimed = await prisma.order.updateMany({
    where: { id, version: order.version },
    data: { payment_status: 'processing', version: { increment: 1 } },
  });
  if (claimed.count === 0) throw new Refused(409, 'somebody else was faster');

  try {
    const change = await work(order);
    return await prisma.order.update({ where: { id }, data: change });
  } catch (error) {
    await prisma.order.update({ where: { id }, data: { payment_status: 'unpaid' } });
    throw error;
  }
};
