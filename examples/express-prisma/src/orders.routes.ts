import { Router } from 'express';
import { prisma } from './db.js';
import { Refused } from './errors.js';

export const ordersRouter = Router();

ordersRouter.post('/', async (req, res) => {
  const order = await prisma.order.create({ data: { amount: Number(req.body.amount) } });
  res.status(201).json(order);
});

ordersRouter.get('/:id', async (req, res) => {
  const order = await prisma.order.findUnique({ where: { id: Number(req.params.id) } });
  if (!order) throw new Refused(404, 'no such order');
  res.json(order);
});
