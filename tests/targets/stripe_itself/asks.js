// Asks for Stripe itself in the ways in which Node can; says how each of them ended.
'use strict';

const http2 = require('node:http2');
const https = require('node:https');
const tls = require('node:tls');

const host = 'api.stripe.com';
const said = (error) => console.log(`refused: ${error.cause?.message ?? error.message}`);
const answered = () => console.log('answered');

const ways = {
  fetch: () => fetch(`https://${host}/v1/charges`).then(answered, said),
  agent: () => https.get({ host, agent: new https.Agent({ keepAlive: true }) }, answered).on('error', said),
  tls: () => tls.connect(443, host, answered).on('error', said),
  http2: () => http2.connect(`https://${host}`, answered).on('error', said),
};
ways[process.argv[2]]();
