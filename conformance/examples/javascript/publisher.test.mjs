// The publisher, driven through the adapter beside a coordinator that stands in this test.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { encode } from './lib/encoding.mjs';
import { hex, sha256 } from './lib/bytes.mjs';
import { KeyPair } from './lib/keys.mjs';
import { FAMILIES } from './lib/families.mjs';
import { writeEntry } from './lib/record.mjs';
import { LogJudge, judgeLog } from './lib/judge.mjs';
import { openCheckpoint, signCheckpoint } from './lib/checkpoint.mjs';
import { followKeys } from './lib/keyhistory.mjs';
import { parseBundle, parseKeys, writeBundle, writeKeys } from './lib/bundle.mjs';
import { openProof } from './lib/proof.mjs';
import { parseEntryBundle, parsePath } from './lib/tile.mjs';
import { checkConsistency, leafHash, rootOf } from './lib/tree.mjs';
import { membersOf } from './lib/statements.mjs';

const ORIGIN = 'sopro.test/eu/1';
const SITE = 'sopro.test/xx/1';

// A coordinator's log in memory, served over HTTP.
class Coordinator {
  constructor() {
    this.pairs = Object.fromEntries(['root', 'next', 'log', 'registrar'].map((role) => [role, new KeyPair()]));
    this.judge = new LogJudge({ origin: ORIGIN, root: this.pairs.root.public });
    this.keysEntity = randomBytes(16);
    this.stateEntity = randomBytes(16);
    this.add('site_keys/1', {
      keys: ['log', 'registrar'].map((role) => ({ public: this.pairs[role].public, role })),
      next_root: sha256(this.pairs.next.public),
      root: this.pairs.root.public,
    }, this.keysEntity);
    this.close();
  }

  add(family, body, entity = randomBytes(16)) {
    const prev = this.judge.chains.get(hex(entity))?.id;
    const pair = this.pairs[FAMILIES[family.split('/')[0]].role];
    const record = encode({ body, entity, family, log: ORIGIN, prev, salt: randomBytes(16), time: Math.max(Date.now(), this.judge.time), v: 1 });
    this.judge.append([writeEntry(record, [pair])]);
    assert.deepEqual(this.judge.verdicts[this.judge.size - 1], {}, family);
  }

  close() {
    this.add('log_state/1', {
      certificates: 0,
      keys: this.judge.keys.latest.id,
      members: membersOf(this.judge.federation, this.judge.size),
      status_root: this.judge.status.root(),
    }, this.stateEntity);
    this.note = signCheckpoint({ origin: ORIGIN, size: this.judge.size, root: this.judge.tree.root() }, [this.pairs.log]);
  }

  // Keeps back the head that somebody is about to be told: gives, once somebody has asked, what lets it go.
  hold() {
    return new Promise((asked) => {
      const released = new Promise((release) => {
        this.held = () => {
          asked(() => {
            this.held = undefined;
            release();
          });
          return released;
        };
      });
    });
  }

  serve() {
    const { judge } = this;
    this.server = http.createServer(async (request, response) => {
      const path = request.url.replace('/log/eu/1/', '');
      let body = null;
      if (path === 'checkpoint') body = this.note;
      else if (path === 'keys') body = writeKeys([[0, judge.entries[0]]]);
      else if (path === '/.well-known/sopro') body = JSON.stringify({ federation: 'sopro.test', mirrors: [] });
      else if (path.startsWith('bundle/')) {
        const { index, width } = parsePath(path);
        body = writeBundle(judge.entries.slice(index * 256, index * 256 + width));
      }
      if (path === 'checkpoint') await this.held?.();
      response.writeHead(body === null ? 404 : 200);
      response.end(body ?? '');
    });
    return new Promise((done) => this.server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${this.server.address().port}`)));
  }
}

class Adapter {
  constructor() {
    this.process = spawn(process.execPath, [fileURLToPath(new URL('./adapter.mjs', import.meta.url))], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = new Map();
    this.asked = 0;
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const answer = JSON.parse(line);
      this.waiting.get(answer.id)(answer);
    });
  }

  ask(verb, fields = {}) {
    const id = ++this.asked;
    this.process.stdin.write(`${JSON.stringify({ id, verb, ...fields })}\n`);
    return new Promise((done) => this.waiting.set(id, done));
  }

  async ok(verb, fields) {
    const answer = await this.ask(verb, fields);
    assert.ok(answer.ok !== undefined, JSON.stringify(answer));
    return answer.ok;
  }
}

const coordinator = new Coordinator();
const adapter = new Adapter();
let url;
let root;
let entity;

before(async () => {
  const coordinatorUrl = await coordinator.serve();
  const started = await adapter.ok('start', {
    site: 'xx',
    coordinator: { origin: ORIGIN, root: coordinator.pairs.root.public.toString('base64'), url: coordinatorUrl },
    url_allowed: ['127.0.0.0/8'],
  });
  url = started.url;
  root = Buffer.from(started.root, 'base64');
  assert.equal(started.origin, SITE);
  assert.equal(started.entries.length, 2);
  coordinator.add('scheme/1', {
    effective_date: '2025-01-01', grace_days: 30, kind: 'product', max_validity_months: 24, scheme: 'sopro',
    status: 'active', surveillance_interval_months: 12, title: { en: 'SoPro' },
  });
  coordinator.add('site_membership/1', {
    country: 'XX', effective_date: '2025-01-01', languages: ['en'], name: { en: 'xx' }, origin: SITE, prefix: 'XX1', root,
    site: 'xx', status: 'admitted', urls: [url], zone: 'UTC',
  });
  coordinator.close();
});

after(() => {
  adapter.process.stdin.end();
  coordinator.server.close();
});

// Each on a connection of its own: one that is kept may be to a process that was killed meanwhile.
const ask = (path, { method = 'GET', body } = {}) => new Promise((done, fail) => {
  const request = http.request(`${url}${path}`, { method, agent: false }, async (response) => {
    const parts = [];
    for await (const part of response) parts.push(part);
    done({ status: response.statusCode, type: response.headers['content-type'], body: Buffer.concat(parts) });
  });
  request.on('error', fail);
  request.end(body);
});

const fetchBytes = async (path) => {
  const answer = await ask(path);
  assert.equal(answer.status, 200, path);
  return answer.body;
};

// What a reader makes of the log as it is served.
async function read() {
  const keys = followKeys(SITE, false, root, parseKeys(await fetchBytes('/log/xx/1/keys')));
  const note = await fetchBytes('/log/xx/1/checkpoint');
  const head = openCheckpoint(note, SITE, (size) => keys.logKeys(size));
  const entries = [];
  for (let from = 0; from < head.size; from += 256) {
    const width = Math.min(256, head.size - from);
    const path = `${String(from / 256).padStart(3, '0')}${width === 256 ? '' : `.p/${width}`}`;
    const items = parseBundle(await fetchBytes(`/log/xx/1/bundle/${path}`), width);
    assert.deepEqual(parseEntryBundle(await fetchBytes(`/log/xx/1/tile/entries/${path}`), width), items);
    const tile = await fetchBytes(`/log/xx/1/tile/0/${path}`);
    assert.deepEqual(tile, Buffer.concat(items.map(leafHash)));
    entries.push(...items);
  }
  assert.deepEqual(rootOf(entries.map(leafHash)), head.root);
  const judge = judgeLog({ origin: SITE, root, federation: coordinator.judge.federation }, entries);
  assert.deepEqual(judge.verdicts.filter(({ code }) => code !== undefined), []);
  return { head, note, entries, judge, keys };
}

const day = (offset) => new Date(Date.now() + offset * 86400000).toISOString().slice(0, 10);

test('joins, appends, and everything it serves fits together', async () => {
  const [organisation] = (await adapter.ok('append', {
    records: [{ family: 'organisation/1', body: { actor_type: 'enterprise', country: 'XX', effective_date: '2025-01-01', status: 'active' } }],
  })).entities;
  const [offering] = (await adapter.ok('append', {
    records: [{ family: 'offering/1', body: { effective_date: '2025-01-01', kind: 'product', organisation, status: 'published' } }],
  })).entities;
  const grant = {
    action: 'grant', basis: 'assessed', certificate: 'SOPRO/XX1/001/00001', decided_on: day(0), decider: randomBytes(16).toString('base64'),
    effective_date: day(0), offering, scheme: 'sopro', status_index: 0, valid_from: day(0), valid_until: day(300),
  };
  const granted = await adapter.ok('append', { records: [{ family: 'label_decision/1', body: grant }] });
  [entity] = granted.entities;
  const again = await adapter.ask('append', { records: [{ family: 'label_decision/1', body: grant, entity }] });
  assert.equal(again.reject?.code, 'lbl.transition');
  const { judge, head, keys, entries } = await read();
  assert.equal(judge.grants, 1);
  assert.equal(judge.states[judge.states.length - 1].position, head.size - 1);
  const proof = await fetchBytes(`/log/xx/1/proof/${granted.indexes[0]}`);
  openProof(proof, entries[granted.indexes[0]], SITE, (size) => keys.logKeys(size));
});

test('the mirror of the coordinator is served under the same paths', async () => {
  assert.equal((await fetchBytes('/log/eu/1/checkpoint')).toString(), coordinator.note);
});

test('an append acts on the head that was there when it was asked, not on one that was being fetched', async () => {
  const release = await coordinator.hold();
  coordinator.add('scheme/1', {
    effective_date: '2025-01-01', grace_days: 30, kind: 'product', max_validity_months: 24, scheme: 'later',
    status: 'active', surveillance_interval_months: 12, title: { en: 'Later' },
  });
  coordinator.close();
  const appended = adapter.ok('append', {
    records: [{ family: 'organisation/1', body: { actor_type: 'network', country: 'XX', effective_date: '2025-01-01', status: 'active' } }],
  });
  await adapter.ok('start'); // the node is told things in turn: by now it has begun to append
  release();
  await appended;
  assert.equal((await fetchBytes('/log/eu/1/checkpoint')).toString(), coordinator.note);
});

test('survives kill -9 without losing what it acknowledged', { timeout: 120_000 }, async () => {
  let last = await read();
  for (let round = 0; round < 4; round++) {
    const acknowledged = [];
    const records = [{ family: 'organisation/1', body: { actor_type: 'network', country: 'XX', effective_date: '2025-01-01', status: 'active' } }];
    const pending = Array.from({ length: 30 }, async () => {
      const answer = await adapter.ask('append', { records });
      if (answer.ok !== undefined) acknowledged.push([answer.ok.indexes[0], answer.ok.entities[0]]);
    });
    await new Promise((done) => setTimeout(done, 20 + 40 * round));
    await adapter.ok('kill9');
    await Promise.all(pending);
    await adapter.ok('start');
    await adapter.ok('append', { records });
    const now = await read();
    checkConsistency(last.head.size, now.head.size, last.head.root, now.head.root, now.judge.tree.consistency(last.head.size));
    for (const [index, name] of acknowledged) {
      assert.equal(now.judge.counted.get(Buffer.from(name, 'base64').toString('hex'))[0].position, index);
    }
    last = now;
  }
});

test('an entry that is handed over again lies where it lay', async () => {
  const { entries: before } = await read();
  const handed = await adapter.ok('append', { entries: [before[0].toString('base64'), before[1].toString('base64')] });
  assert.deepEqual(handed.indexes, [0, 1]);
  const spoilt = Buffer.from(before[0]);
  spoilt[spoilt.length - 1] ^= 1;
  const { reject } = await adapter.ask('append', { entries: [spoilt.toString('base64')] });
  assert.equal(reject.code, 'sig.invalid');
  assert.equal((await read()).entries.length, before.length);
});

test('refusals over HTTP are problem documents', async () => {
  const expected = [
    ['/log/xx/1/tile/0/00', 400, 'err.path'], ['/log/xx/1/tile/0/999', 404, 'not-found'], ['/log/zz/1/checkpoint', 404, 'not-found'],
    ['/log/xx/1/proof/99999', 404, 'not-found'], ['/log/xx/1/document/0/0', 404, 'not-found'],
  ];
  for (const [path, status, code] of expected) {
    const answer = await ask(path);
    assert.equal(answer.status, status, path);
    assert.match(answer.type, /^application\/problem\+json/);
    assert.equal(JSON.parse(answer.body).code, code);
  }
  const posted = await ask('/log/xx/1/checkpoint', { method: 'POST', body: 'x' });
  assert.deepEqual([posted.status, JSON.parse(posted.body).code], [405, 'err.method']);
});

test('a caller that sends nothing or too much is cut off', { timeout: 120_000 }, async () => {
  const port = Number(new URL(url).port);
  const talk = (text) => new Promise((done) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (part) => (answer += part));
    socket.on('close', () => done(answer));
    socket.on('error', () => {});
  });
  assert.match(await talk(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20000)}\r\n\r\n`), /431[^]*err\.size/);
  assert.match(await talk('nonsense\r\n\r\n'), /400[^]*"code":"format"/);
  assert.match(await talk('GET / HTTP/1.1\r\nhost: x\r\nx-slow:'), /408[^]*err\.time/);
});

test('a withheld entry is gone, and everything else stays', async () => {
  const { indexes: [index] } = await adapter.ok('append', { records: [{ family: 'unheard_of/1', body: { name: 'somebody' } }] });
  const before = await read();
  const leaf = leafHash(before.entries[index]).toString('base64');
  await adapter.ok('append', { records: [{ family: 'withhold/1', body: { index, leaf, reason: 'personal_data' } }] });
  const check = async () => {
    const size = Number((await fetchBytes('/log/xx/1/checkpoint')).toString().split('\n')[1]);
    assert.equal((await ask(`/log/xx/1/tile/entries/000.p/${size}`)).status, 410);
    assert.equal((await ask(`/log/xx/1/proof/${index}`)).status, 410);
    const items = parseBundle(await fetchBytes(`/log/xx/1/bundle/000.p/${size}`), size);
    assert.deepEqual(items[index][0].toString('base64'), leaf);
    assert.equal(items.filter(Array.isArray).length, 1);
    const rest = items.map((item) => (Array.isArray(item) ? null : item));
    const judge = judgeLog({ origin: SITE, root, federation: coordinator.judge.federation }, rest);
    assert.deepEqual(judge.verdicts.flatMap(({ code }, i) => (code === undefined ? [] : [[i, code]])), [[index, 'entry.withheld']]);
  };
  await check();
  await adapter.ok('kill9');
  await adapter.ok('start');
  await adapter.ok('append', { records: [] });
  await check();
});

test('discovery and events', async () => {
  const discovery = JSON.parse(await fetchBytes('/.well-known/sopro'));
  for (const name of ['site', 'federation', 'origin', 'role', 'country', 'name', 'languages', 'zone', 'keys', 'log', 'mirrors', 'versions', 'profiles', 'features', 'limits']) {
    assert.ok(name in discovery, name);
  }
  const response = await fetch(`${url}/events`);
  const { value } = await response.body.getReader().read();
  assert.match(Buffer.from(value).toString(), /^event: checkpoint\ndata: \{"origin":"sopro.test\/xx\/1"/);
});

test('what a disk has lost is fetched back before anything is signed', { timeout: 60_000 }, async (t) => {
  const { cpSync, mkdtempSync, rmSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const { Publisher } = await import('./lib/publisher.mjs');
  const { Server } = await import('./lib/server.mjs');
  const { networks } = await import('./lib/reach.mjs');
  const directory = mkdtempSync(join(tmpdir(), 'sopro-fence-'));
  const mirror = { federation: coordinator.judge.federation, size: coordinator.judge.size, origin: ORIGIN, note: null };
  const open = (name) => new Publisher({ directory: join(directory, name), origin: 'sopro.test/yy/1', mirror });
  const append = (publisher) => publisher.append([{ family: 'unheard_of/1', body: { x: 1 } }]);
  const nobody = async (publisher) => publisher.fence.ask([], networks([]));
  const whole = open('whole');
  await assert.rejects(append(whole), { code: 'fence.asking' });
  await nobody(whole);
  await append(whole);
  cpSync(join(directory, 'whole'), join(directory, 'backup'), { recursive: true });
  await append(whole);
  const server = new Server({ publisher: whole, mirror });
  const base = await server.listen(0, '127.0.0.1');
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const loopback = networks(['127.0.0.0/8']);
  const restored = open('backup');
  await restored.fence.ask([[base]], loopback);
  await assert.rejects(append(restored), { code: 'fence.behind' });
  await assert.rejects(append(open('backup')), { code: 'fence.behind' }); // also after a restart
  await restored.fetchMissing(loopback);
  assert.deepEqual(restored.tree.root(), whole.tree.root());
  await append(restored);
  assert.equal(restored.published, whole.published + 2);
});
