// Loaded before a service under test: it is kept from Stripe's own hosts, and told where it asked
// for them. All other connections are left as they are.
'use strict';

const net = require('node:net');

const proxy = process.env.PAIDONCE_EGRESS;
const stripesOwn = /^(?:.+\.)?stripe\.com\.?$/i;

// Libraries treat proxies in ways of their own; Node needs none to be kept from Stripe.
if (!process.env.PAIDONCE_EGRESS_KEPT) {
  for (const name of ['https_proxy', 'HTTPS_PROXY']) {
    if (process.env[name] === proxy) delete process.env[name];
  }
}

const connect = net.Socket.prototype.connect;

// As net.connect() has them: options, a port and a host, or both normalized in a list.
function hostOf(first, second) {
  const options = Array.isArray(first) ? first[0] : first;
  if (options !== null && typeof options === 'object') return options.host;
  return typeof second === 'string' ? second : undefined;
}

function tell(host) {
  try {
    const { hostname, port } = new URL(proxy);
    const telling = new net.Socket();
    telling.on('error', () => {}).resume().unref();
    connect.call(telling, Number(port), hostname);
    telling.end(`CONNECT ${host}:443 HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  } catch {
    // It is refused all the same.
  }
}

net.Socket.prototype.connect = function (...given) {
  const host = hostOf(...given);
  if (typeof host !== 'string' || !stripesOwn.test(host)) return connect.apply(this, given);
  tell(host);
  const error = new Error(`paidonce keeps a service under test from Stripe itself (${host})`);
  error.code = 'ECONNREFUSED';
  error.syscall = 'connect';
  process.nextTick(() => this.destroy(error));
  return this;
};
