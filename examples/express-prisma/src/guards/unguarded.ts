import { prisma } from '../db.js';
import { type Guard, payable } from './guard.js';

// The bug: between reading the status and writing it lies a call to Stripe.
export const unguarded: Guard = async (id, work) => {
  const order = payable(await prisma.order.findUnique({ where: { id } }));
  const change = await work(order);
  return prisma.order.update({ where: { id }, data: change });
};
