/** A payment of @medusajs/payment 2.21.2, which is captured or cancelled, and not both. */

const http = require("node:http");
const { MedusaApp, MedusaAppMigrateUp } = require("@medusajs/framework/modules-sdk");

const options = {
  modulesConfig: { payment: { resolve: "@medusajs/payment" } },
  sharedResourcesConfig: { database: { clientUrl: process.env.DATABASE_URL } },
};

/** Authorizes a payment with the provider that comes with the library; returns its id. */
async function authorize(payments) {
  const sum = { currency_code: "eur", amount: 20 };
  const collection = await payments.createPaymentCollections(sum);
  const session = await payments.createPaymentSession(collection.id, {
    ...sum,
    provider_id: "pp_system_default",
    data: {},
  });
  return (await payments.authorizePaymentSession(session.id, {})).id;
}

async function capture(payments, id) {
  await payments.capturePayment({ payment_id: id });
}

/** Cancels what is not captured; that a payment is cancelled is seen by the capture itself. */
async function cancel(payments, id) {
  if ((await payments.retrievePayment(id)).captured_at) {
    throw Object.assign(new Error("it is captured"), { type: "invalid_data" });
  }
  await payments.cancelPayment(id);
}

async function answer(payments, request, response) {
  const [, place, id] = request.url.split("/");
  let told = "";
  try {
    if (place === "authorize") told = await authorize(payments);
    if (place === "capture") await capture(payments, id);
    if (place === "cancel") await cancel(payments, id);
    response.writeHead(200).end(JSON.stringify({ id: told }));
  } catch (error) {
    if (error.type !== "invalid_data") console.error(error);
    response.writeHead(error.type === "invalid_data" ? 409 : 500).end();
  }
}

async function main() {
  await MedusaAppMigrateUp(options);
  const medusa = await MedusaApp(options);
  await medusa.onApplicationStart();
  const { payment } = medusa.modules;
  const server = http.createServer((request, response) => answer(payment, request, response));
  server.listen(process.env.PORT, "127.0.0.1");
}

main();
