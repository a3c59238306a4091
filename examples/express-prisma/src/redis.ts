import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', { lazyConnect: true });
const leaseMs = Number(process.env.LOCK_LEASE_MS ?? 60_000);

const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Runs `work` with a fencing token while the lock is held; undefined if somebody else has it. */
export async function locked<T>(
  name: string,
  work: (token: number) => Promise<T>,
): Promise<T | undefined> {
  const owner = randomBytes(16).toString('hex');
  if ((await redis.set(name, owner, 'PX', leaseMs, 'NX')) !== 'OK') return undefined;
  try {
    return await work(await redis.incr('order-fence'));
  } finally {
    await redis.eval(RELEASE, 1, name, owner);
  }
}
