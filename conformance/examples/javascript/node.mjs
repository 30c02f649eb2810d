// A publishing node as a process of its own: `node node.mjs <directory> [<seconds its clock is off>]`, told what to do over IPC by the adapter.
import { lookup } from 'node:dns/promises';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Cosigners } from './lib/cosigners.mjs';
import { decode, encode } from './lib/encoding.mjs';
import { FAMILIES } from './lib/families.mjs';
import { fromJson } from './lib/fields.mjs';
import { Mirror } from './lib/follow.mjs';
import { Publisher } from './lib/publisher.mjs';
import { networks } from './lib/reach.mjs';
import { Refusal, refuse } from './lib/refusal.mjs';
import { Server } from './lib/server.mjs';
import { readFile, replaceFile } from './lib/store.mjs';

const POLL = 500; // ms between two looks at the coordinator's log
const PATIENCE = 20_000; // ms that an append waits for the answers of others (FENCE-1)

const directory = process.argv[2];
// The suite's verb `clock`: seconds that this process reads another time by.
const offset = Number(process.argv[3] ?? 0) * 1000;
const realNow = Date.now;
Date.now = () => realNow() + offset;
let node = null;

// ERR-6: one process at a time holds the directory, by a socket that ends with the process.
async function lock() {
  const path = join(directory, 'lock');
  const isHeld = await new Promise((done) => {
    const socket = connect(path, () => done(true)).on('error', () => done(false));
    socket.unref();
  });
  if (isHeld) refuse('locked', 'the directory is in use');
  rmSync(path, { force: true });
  await new Promise((done, fail) => createServer().on('error', fail).listen(path, done).unref());
}

const commands = {
  // {site, coordinator: {origin, root, url}, url_allowed} the first time, nothing later.
  async start(config) {
    mkdirSync(directory, { recursive: true });
    if (node !== null) return node.started;
    await lock();
    const path = join(directory, 'config');
    const before = readFile(path);
    const settings = before !== null ? decode(before) : {
      site: config.site,
      coordinator: config.coordinator.origin,
      root: Buffer.from(config.coordinator.root, 'base64'),
      url: config.coordinator.url,
      allowed: [config.url_allowed ?? []].flat(),
      port: 0,
    };
    const federation = settings.coordinator.split('/')[0];
    const origin = `${federation}/${settings.site}/1`;
    const allowed = networks([...settings.allowed, ...(await addressesOf(settings.url))]);
    const urls = () => [settings.url];
    const mirror = new Mirror({ directory: join(directory, 'mirror'), origin: settings.coordinator, root: settings.root, urls, allowed });
    const publisher = new Publisher({ directory: join(directory, 'log'), origin, mirror });
    const server = new Server({ publisher, mirror });
    const url = await server.listen(settings.port, '127.0.0.1');
    settings.port = Number(new URL(url).port); // the same address after a restart
    replaceFile(path, encode(settings));
    const started = {
      url,
      origin,
      entries: untilGap(publisher.entries).map((entry) => entry.toString('base64')),
      root: publisher.pairs.root.public.toString('base64'),
    };
    const cosigners = new Cosigners({ publisher, mirror, urls, allowed });
    node = { mirror, publisher, server, cosigners, allowed, urls, started };
    follow();
    return started;
  },

  async append({ records, entries }) {
    const taken = entries?.map((entry) => ({ entry: Buffer.from(entry, 'base64') })) ?? records.map(({ family, body, entity }) => ({
      family,
      body: typeof body === 'string' ? decode(Buffer.from(body, 'base64')) : fromJson(body, FAMILIES[String(family).split('/')[0]]?.fits),
      entity: entity === undefined || entity === null ? undefined : Buffer.from(entity, 'base64'),
    }));
    await pullAnew();
    for (const until = Date.now() + PATIENCE; !node.publisher.fence.isOpen && Date.now() < until; ) await ask();
    const { indexes, entities } = await node.publisher.append(taken);
    return { indexes, entities: entities.map((entity) => entity.toString('base64')) };
  },

  async stop() {
    await node.publisher.queue;
    node.server.close();
    setImmediate(() => process.exit(0));
    return {};
  },
};

// What the operator wrote may be any address (REACH-3).
async function addressesOf(url) {
  const found = await lookup(new URL(url).hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}

// The entries before the first that was withheld.
const untilGap = (entries) => (entries.includes(null) ? entries.slice(0, entries.indexOf(null)) : entries);

// FENCE-1: the addresses of every node that is known. As long as no head was signed nobody can hold one, and
// the coordinator alone is asked.
function others() {
  const { mirror, publisher, urls } = node;
  if (publisher.published === 0) return [urls()];
  const members = mirror.federation.sites().filter((site) => site !== publisher.site);
  return [urls(), ...members.map((site) => mirror.federation.membership(site).urls)];
}

let asking = null;
function ask() {
  asking ??= askOnce().finally(() => {
    asking = null;
  });
  return asking;
}

async function askOnce() {
  const { publisher } = node;
  if (publisher.fence.isOpen && publisher.fence.missing === null) return;
  if (!(await publisher.fence.ask(others(), node.allowed))) {
    await new Promise((done) => setTimeout(done, POLL));
    return;
  }
  await publisher.fetchMissing(node.allowed);
  await publisher.resume();
}

// One pull at a time, shared by all who wait for it.
let pulling = null;
function pull() {
  pulling ??= pullOnce().finally(() => {
    pulling = null;
  });
  return pulling;
}

// One that begins now or later: what is under way may have been told an older head already.
async function pullAnew() {
  await pulling;
  await pull();
}

async function pullOnce() {
  try {
    if (await node.mirror.pull()) node.server.tell(node.mirror);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (node.lastCode !== error.code) process.stderr.write(`coordinator: ${error.code}: ${error.message}\n`);
    node.lastCode = error.code;
  }
}

// Follows the coordinator's log, and acts on it where it says something about this site.
async function follow() {
  for (;;) {
    try {
      await pull();
      await ask();
      await node.publisher.actOnMembership();
      node.cosigners.ask();
    } catch (error) {
      if (!(error instanceof Refusal)) process.stderr.write(`${error.stack}\n`);
    }
    await new Promise((done) => setTimeout(done, POLL));
  }
}

process.on('message', async ({ id, command, argument }) => {
  let answer;
  try {
    answer = { ok: await commands[command](argument) };
  } catch (error) {
    answer = error instanceof Refusal ? { refused: { code: error.code, message: error.message } } : { error: error.stack };
  }
  process.send({ id, ...answer });
});
process.on('disconnect', () => process.exit(0));
