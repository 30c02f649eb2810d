// EXCH: what this node serves, and the limits it sets its callers (ERR).
import http from 'node:http';
import { hex } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { writeBundle, writeKeys } from './bundle.mjs';
import { dayAt } from './dates.mjs';
import { pathOf } from './follow.mjs';
import { writeProof } from './proof.mjs';
import { hashesAt, parsePath, WIDTH, writeEntryBundle } from './tile.mjs';

const LIMITS = { request_header_bytes: 16384, request_seconds: 10, response_seconds: 60, connections: 512, streams: 64 };
const STATUS = { // ERR-2
  'err.path': 400, 'not-found': 404, 'entry.withheld': 410, 'err.method': 405, 'err.size': 413, 'err.time': 408,
  'err.expect': 417, format: 400, unavailable: 503,
};
const TITLES = {
  400: 'Bad request', 404: 'Not found', 405: 'Method not allowed', 408: 'Too slow', 410: 'Withheld', 413: 'Too large',
  417: 'Expectation failed', 500: 'Error', 503: 'Unavailable',
};
const FOREVER = 'public, max-age=31536000, immutable';
const TEXT = 'text/plain; charset=utf-8';
const BINARY = 'application/octet-stream';

function problem(code) {
  const status = STATUS[code] ?? 500;
  const body = JSON.stringify({ type: 'about:blank', title: TITLES[status] ?? 'Error', status, code });
  return { status, type: 'application/problem+json', body: Buffer.from(body) };
}

function decodeText(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return missing('no such label');
  }
}

const missing = (what) => refuse('not-found', what);

const hasBody = ({ headers }) => Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;

// What is served of one log: {origin, entries, tree, published, note, judge}.
class ServedLog {
  constructor(origin, source) {
    this.origin = origin;
    this.source = source;
  }

  checkpoint() {
    const { note } = this.source();
    return { type: TEXT, body: note ?? missing('no head yet'), cache: 'no-store' };
  }

  keys() {
    const { judge, entries } = this.source();
    if (entries.length === 0) missing('no entries yet');
    return { type: BINARY, body: writeKeys(judge.keys.records.map(({ position }) => [position, entries[position]])), cache: 'no-store' };
  }

  proof(text) {
    const { note, entries, tree, published } = this.source();
    if (!/^(0|[1-9][0-9]{0,14})$/.test(text)) refuse('format', 'not a position');
    if (Number(text) >= Math.min(published, entries.length)) missing('no such entry');
    const index = Number(text);
    if (entries[index] === null) refuse('entry.withheld'); // WITHHOLD-10
    return { type: TEXT, body: Buffer.from(writeProof(index, tree.inclusion(index, published), note)), cache: 'no-store' };
  }

  resource(path) {
    const { kind, level, index, width } = parsePath(path);
    const { entries, tree, judge, published } = this.source();
    const size = Math.min(published, entries.length);
    const there = kind === 'tile' ? hashesAt(size, level) : size;
    const from = index * WIDTH;
    if (from + width > there) missing('beyond the head');
    if (kind === 'tile') {
      return { type: BINARY, body: Buffer.concat(tree.rows[8 * level].slice(from, from + width)), cache: FOREVER };
    }
    const slice = entries.slice(from, from + width);
    if (kind === 'entries') {
      if (slice.includes(null)) refuse('entry.withheld'); // EXCH-1
      return { type: BINARY, body: writeEntryBundle(slice), cache: 'no-store' }; // EXCH-3
    }
    const items = slice.map((entry, i) => entry ?? [tree.rows[0][from + i], judge.withholdings.get(from + i)]); // BUNDLE-2
    return { type: BINARY, body: writeBundle(items), cache: 'no-store' };
  }

  answer(rest) {
    if (rest === 'checkpoint') return this.checkpoint();
    if (rest === 'keys') return this.keys();
    if (rest.startsWith('proof/')) return this.proof(rest.slice(6));
    if (rest.startsWith('tile/') || rest.startsWith('bundle/')) return this.resource(rest);
    return missing('no such resource');
  }
}

export class Server {
  constructor({ publisher, mirror }) {
    this.publisher = publisher;
    this.mirror = mirror;
    this.logs = [
      new ServedLog(publisher.origin, () => publisher),
      new ServedLog(mirror.origin, () => mirror),
    ];
    this.streams = new Set();
    this.server = http.createServer({
      maxHeaderSize: LIMITS.request_header_bytes,
      headersTimeout: LIMITS.request_seconds * 1000,
      requestTimeout: LIMITS.request_seconds * 1000,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
    });
    this.server.maxConnections = LIMITS.connections;
    this.server.setTimeout(30_000, (socket) => socket.destroy()); // a caller that does not read
    this.server.on('request', (request, response) => this.handle(request, response));
    this.server.on('checkExpectation', (request, response) => this.send(response, problem('err.expect'), request));
    this.server.on('clientError', (error, socket) => refuseSocket(error, socket));
    publisher.listeners.add((log) => this.tell(log));
    this.beat = setInterval(() => this.streams.forEach((stream) => stream.write(':\n\n')), 10_000);
    this.beat.unref();
  }

  listen(port, host) {
    return new Promise((done, fail) => {
      this.server.on('error', fail);
      this.server.listen(port, host, () => done(`http://${host}:${this.server.address().port}`));
    });
  }

  close() {
    clearInterval(this.beat);
    this.streams.forEach((stream) => stream.destroy());
    this.server.close();
    this.server.closeAllConnections();
  }

  handle(request, response) {
    let answer;
    try {
      answer = this.route(request, response);
    } catch (error) {
      if (!(error instanceof Refusal)) process.stderr.write(`${error.stack}\n`);
      answer = problem(error instanceof Refusal ? error.code : 'error');
    }
    if (answer === null) return;
    const timer = setTimeout(() => request.socket.destroy(), LIMITS.response_seconds * 1000); // read too slowly
    response.on('close', () => clearTimeout(timer));
    this.send(response, answer, request);
  }

  route(request, response) {
    if (request.method !== 'GET' && request.method !== 'HEAD') refuse('err.method');
    if (hasBody(request)) refuse('err.size');
    if (request.httpVersionMajor !== 1) refuse('format'); // a request line without a version
    const path = request.url.split('?')[0];
    if (path.startsWith('/label/')) return this.label(path.slice(7));
    if (path === '/.well-known/sopro') return { type: 'application/json', body: Buffer.from(JSON.stringify(this.discovery())), cache: 'no-store' };
    if (path === '/evidence') return { type: 'application/json', body: Buffer.from('{"evidence":[]}'), cache: 'no-store' };
    if (path === '/events') return this.stream(request, response);
    for (const log of this.logs) {
      const prefix = `${pathOf(log.origin)}/`;
      if (path.startsWith(prefix)) return log.answer(path.slice(prefix.length));
    }
    return missing(path);
  }

  // CERT-11: a page for every label of this site. LBL-21: what is imported is marked.
  label(text) {
    const label = [...this.publisher.judge.labels.values()].find(({ first }) => first?.body.certificate === decodeText(text));
    if (label === undefined) missing('no such label');
    const today = dayAt(Date.now(), 0);
    const status = label.undetermined ? 'cannot be told by this version' : label.statusOn(today);
    const number = label.first.body.certificate; // of a form without markup (FIELD)
    const imported = label.decisions.filter(({ body }) => body.basis === 'imported').length;
    const origin = imported === 0 ? '' : `<p>Taken from an existing register: ${imported} of ${label.decisions.length} decisions.</p>`;
    const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${number}</title><h1>${number}</h1>`;
    return { type: 'text/html; charset=utf-8', body: Buffer.from(`${page}<p>On ${today}: ${status}.</p>${origin}`), cache: 'no-store' };
  }

  send(response, { status = 200, type, body, cache = 'no-store' }, request) {
    response.writeHead(status, {
      'content-type': type,
      'content-length': body.length,
      'cache-control': cache,
      'x-content-type-options': 'nosniff',
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
      ...(hasBody(request) ? { connection: 'close' } : {}), // what was refused is not read to its end
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  // SYNC-8
  stream(request, response) {
    if (this.streams.size >= LIMITS.streams) refuse('unavailable');
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    if (request.method === 'HEAD') {
      response.end();
      return null;
    }
    request.socket.setTimeout(0);
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
    for (const log of this.logs) this.write(response, log.source());
    return null;
  }

  write(response, { origin, note }) {
    if (note === null) return;
    const size = Number(note.toString().split('\n')[1]);
    response.write(`event: checkpoint\ndata: ${JSON.stringify({ origin, size, note: note.toString() })}\n\n`);
  }

  tell(log) {
    for (const response of this.streams) {
      if (response.writableLength > 1_000_000) response.destroy(); // reads too slowly
      else this.write(response, log);
    }
  }

  // EXCH-2, EXCH-13
  discovery() {
    const { publisher, mirror } = this;
    const membership = mirror.federation.membership(publisher.site);
    const keys = [...publisher.judge.keys.keys.values()].map(({ role, id, public: publicKey, since, until }) => ({
      role, id: hex(id), public: hex(publicKey), since, until,
    }));
    return {
      site: publisher.site,
      federation: publisher.origin.split('/')[0],
      origin: publisher.origin,
      role: 'site',
      country: membership?.country ?? 'ZZ',
      name: { ...(membership?.name ?? { en: publisher.site }) },
      languages: membership?.languages ?? ['en'],
      zone: membership?.zone ?? 'UTC',
      keys,
      log: pathOf(publisher.origin),
      mirrors: mirror.note === null ? [] : [pathOf(mirror.origin)],
      versions: ['1'],
      profiles: ['R', 'P'],
      features: [],
      limits: LIMITS,
    };
  }
}

// What HTTP itself refuses before there is a request (ERR-5).
function refuseSocket(error, socket) {
  if (!socket.writable) return socket.destroy();
  const code = { HPE_HEADER_OVERFLOW: 'err.size', ERR_HTTP_REQUEST_TIMEOUT: 'err.time' }[error.code] ?? 'format';
  const { type, body, status } = problem(code);
  const shown = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : status;
  const text = body.toString().replace(`"status":${status}`, `"status":${shown}`);
  const head = [`HTTP/1.1 ${shown} ${TITLES[status]}`, `content-type: ${type}`, `content-length: ${text.length}`, 'connection: close'];
  return socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
