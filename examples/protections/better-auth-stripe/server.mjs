/** Subscriptions kept by the webhook of @better-auth/stripe 1.7.6, which is to miss no event. */

import http from "node:http";
import { stripe as subscriptions } from "@better-auth/stripe";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import pg from "pg";
import Stripe from "stripe";

const base = process.env.STRIPE_API_BASE && new URL(process.env.STRIPE_API_BASE); // unset in production
const stripeClient = new Stripe(process.env.STRIPE_API_KEY, {
  maxNetworkRetries: 0,
  ...(base && { host: base.hostname, port: base.port, protocol: "http" }),
});
const database = new pg.Pool({ connectionString: process.env.DATABASE_URL });
database.on("error", console.error);
database.on("connect", (client) => client.on("error", console.error));
const options = {
  baseURL: `http://127.0.0.1:${process.env.PORT}`,
  secret: "a secret of more than thirty-two characters",
  telemetry: { enabled: false },
  database,
  plugins: [
    subscriptions({
      stripeClient,
      stripeWebhookSecret: process.env.STRIPE_WEBHOOK_SECRET,
      subscription: { enabled: true, plans: [{ name: "basic", priceId: "price_basic" }] },
    }),
  ],
};
const auth = toNodeHandler(betterAuth(options));

/** Notes a subscription, as the library does once its checkout is through. */
async function note(id) {
  await database.query(
    `INSERT INTO subscription (id, plan, "referenceId", "stripeSubscriptionId", status)
     VALUES ($1, 'basic', 'ann', $1, 'active')`,
    [id],
  );
}

const server = http.createServer(async (request, response) => {
  const [, place, id] = request.url.split("/");
  if (place === "api") return auth(request, response);
  if (place === "subscriptions") await note(id);
  response.writeHead(200).end();
});

await (await getMigrations(options)).runMigrations();
server.listen(process.env.PORT, "127.0.0.1");
