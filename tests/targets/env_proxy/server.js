// A shop without a database, which remembers in memory which orders are paid. It reaches Stripe by
// Stripe's own address; where its proxy is, Node itself reads from HTTPS_PROXY.
'use strict';

const http = require('node:http');
const https = require('node:https');

const { GUARD, WAY, STRIPE_KEY } = process.env;
const orders = new Map();

const byFetch = async (body, headers) => {
  const answer = await fetch('https://api.stripe.com/v1/payment_intents', {
    method: 'POST',
    body,
    headers,
  });
  return { status: answer.status, text: await answer.text() };
};

const byHttps = (body, headers) =>
  new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { ...headers, 'Content-Length': body.length } };
    const request = https.request('https://api.stripe.com/v1/payment_intents', options, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => resolve({ status: answer.statusCode, text }));
    });
    request.on('error', reject);
    request.end(body);
  });

async function charge(order) {
  const form = new URLSearchParams({
    amount: '4990',
    currency: 'usd',
    confirm: 'true',
    payment_method: 'pm_card_visa',
    'payment_method_types[]': 'card',
    'metadata[order_id]': order,
  });
  const headers = {
    Authorization: `Bearer ${STRIPE_KEY}`,
    'Content-Type': 'application/x-www-form-urlencoded',
  };
  const way = WAY === 'fetch' ? byFetch : byHttps;
  const answer = await way(form.toString(), headers);
  if (answer.status !== 200) throw new Error(`Stripe answered ${answer.status}: ${answer.text}`);
}

async function pay(order) {
  if (orders.get(order) !== 'unpaid') return 409;
  if (GUARD === 'taken') orders.set(order, 'being paid');
  await charge(order);
  orders.set(order, 'paid');
  return 200;
}

async function handled(request) {
  if (request.method === 'GET') return [200, { up: true }];
  const [, order] = request.url.split('/').filter(Boolean);
  if (order === undefined) {
    const id = `order-${orders.size + 1}`;
    orders.set(id, 'unpaid');
    return [201, { id }];
  }
  const status = await pay(order);
  return [status, { paid: status === 200 }];
}

http
  .createServer((request, response) => {
    request.resume();
    request.on('end', async () => {
      const [status, answer] = await handled(request).catch((error) => [
        500,
        { error: String(error.cause ?? error) },
      ]);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  })
  .listen(Number(process.argv[2]), '127.0.0.1');
