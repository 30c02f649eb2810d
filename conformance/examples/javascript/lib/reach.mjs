// REACH and SYNC-7: calling other nodes.
import { lookup as resolve } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { refuse, Refusal } from './refusal.mjs';

// REACH-3: what is not public. IPv6 forms that stand for an IPv4 address are refused altogether.
const NOT_PUBLIC = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
  '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24',
  '224.0.0.0/4', '240.0.0.0/4', '::/96', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23',
  '2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8',
];

const kind = (address) => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

export function networks(list) {
  const block = new BlockList();
  for (const text of list) {
    const [address, width] = text.split('/');
    block.addSubnet(address, width === undefined ? (kind(address) === 'ipv6' ? 128 : 32) : Number(width), kind(address));
  }
  return block;
}

const notPublic = networks(NOT_PUBLIC);

function checkAddress(address, allowed) {
  if (notPublic.check(address, kind(address)) && !allowed.check(address, kind(address))) {
    refuse('hos.address', `the address ${address} is not public`);
  }
}

// REACH-1
function checkUrl(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    return refuse('hos.address', 'not a URL');
  }
  const isHttp = url.protocol === 'http:' || url.protocol === 'https:';
  if (!isHttp || url.username !== '' || url.password !== '' || url.hostname === '' || url.port === '0') refuse('hos.address', 'not a URL to call');
  return url;
}

// The body of a GET.
export async function get(text, options) {
  return (await call(text, options)).body;
}

// {status, body} of a request, the body of at most `limit` bytes within `deadline` ms for the whole; or a refusal. The
// addresses that were judged are those that are called (REACH-2); redirects are not followed.
export async function call(text, { limit, deadline = 10_000, allowed = networks([]), method = 'GET', body, statuses = [200] }) {
  const url = checkUrl(text);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const until = Date.now() + deadline;
  let addresses;
  try {
    addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await resolve(host, { all: true });
  } catch {
    return refuse('hos.unreachable', 'the name does not resolve');
  }
  addresses.forEach(({ address }) => checkAddress(address, allowed));
  const client = url.protocol === 'https:' ? https : http;
  return new Promise((done, fail) => {
    const giveUp = (code, message) => {
      clearTimeout(timer);
      request.destroy();
      fail(new Refusal(code, message));
    };
    const request = client.request(url, {
      method,
      headers: { 'accept-encoding': 'identity', ...(body === undefined ? {} : { 'content-length': body.length }) },
      lookup: (name, options, callback) =>
        options.all ? callback(null, addresses) : callback(null, addresses[0].address, addresses[0].family),
    });
    const timer = setTimeout(() => giveUp('hos.timeout', 'too slow'), Math.max(0, until - Date.now()));
    request.on('error', (error) => giveUp('hos.unreachable', error.message));
    request.on('response', (response) => {
      if (response.statusCode >= 300 && response.statusCode < 400) return giveUp('hos.redirect', 'a redirect');
      if (!statuses.includes(response.statusCode)) return giveUp('hos.status', `status ${response.statusCode}`);
      if (!['', 'identity'].includes(response.headers['content-encoding'] ?? '')) return giveUp('hos.content', 'an encoding that was not asked for');
      const parts = [];
      let length = 0;
      response.on('data', (part) => {
        length += part.length;
        if (length > limit) giveUp('hos.oversize', 'too long');
        else parts.push(part);
      });
      response.on('aborted', () => giveUp('hos.unreachable', 'cut off'));
      response.on('end', () => {
        clearTimeout(timer);
        if (response.complete) done({ status: response.statusCode, body: Buffer.concat(parts) });
        else fail(new Refusal('hos.unreachable', 'cut off'));
      });
    });
    request.end(body);
  });
}
