import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import { cases, twice } from "./cases.mjs";

const { PrismaClient } = createRequire(import.meta.url)("@prisma/client");
const prisma = new PrismaClient({
  adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }),
});
const id = 1;

async function lock() {
  CALL(lock)
}
async function conditional() {
  CALL(conditional)
}

await cases((text) => prisma.$executeRawUnsafe(text), {
  lock,
  outside: () => prisma.$queryRaw`SELECT * FROM orders WHERE id = ${id} FOR UPDATE`.then(() => ""),
  conditional: () => twice(conditional),
  async stale() {
    const before = await prisma.order.findUniqueOrThrow({ where: { id } });
    await prisma.order.update({ where: { id }, data: { status: "paid", version: { increment: 1 } } });
    const stale = { id, version: before.version };
    return prisma.order
      .update({ where: stale, data: { status: "cancelled", version: { increment: 1 } } })
      .then(() => "not refused");
  },
  async bulk() {
    await prisma.order.updateMany({ where: { id }, data: { status: "paid" } });
    return `version ${(await prisma.order.findUniqueOrThrow({ where: { id } })).version}`;
  },
  async advisory() {
    CALL(advisory)
  },
  async serializable() {
    CALL(serializable)
  },
});
process.exit(0);
