#!/usr/bin/env node
// The adapter of the conformance suite: one JSON request a line on stdin, one JSON answer a line on stdout.
import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Refusal } from './lib/refusal.mjs';
import { KINDS } from './lib/verify.mjs';

const directory = mkdtempSync(join(tmpdir(), 'sopro-javascript-'));
let child = null;
let asked = 0;
let offset = 0;
const waiting = new Map();

function begin() {
  child = fork(fileURLToPath(new URL('./node.mjs', import.meta.url)), [directory, String(offset)], { stdio: ['ignore', 2, 2, 'ipc'] });
  const mine = child;
  child.on('message', ({ id, ...answer }) => {
    waiting.get(id)?.(answer);
    waiting.delete(id);
  });
  child.on('exit', () => {
    if (child === mine) child = null;
    for (const done of waiting.values()) done({ error: 'the node has ended' });
    waiting.clear();
  });
}

async function tell(command, argument) {
  if (child === null) throw new Error('the node does not run');
  const id = asked++;
  const answer = new Promise((done) => waiting.set(id, done));
  child.send({ id, command, argument });
  const { ok, refused, error } = await answer;
  if (refused !== undefined) throw new Refusal(refused.code, refused.message);
  if (error !== undefined) throw new Error(error);
  return ok;
}

const ended = () => (child === null ? Promise.resolve() : new Promise((done) => child.once('exit', done)));

const VERBS = {
  hello: () => ({ protocol: 1, software: 'sopro-javascript', version: '0.1', profiles: ['reader', 'publisher'], features: ['knowledge'] }),
  verify(request) {
    if (!Object.hasOwn(KINDS, request.kind)) throw new Error(`unknown kind ${request.kind}`);
    return KINDS[request.kind](request);
  },
  async start(request) {
    if (child === null) begin();
    return tell('start', request);
  },
  append: (request) => tell('append', request),
  clock(request) {
    offset = Number(request.offset);
  },
  async stop() {
    if (child === null) return {};
    const end = ended();
    await tell('stop');
    await end;
    return {};
  },
  async kill9() {
    const end = ended();
    child?.kill('SIGKILL');
    await end;
    return {};
  },
};

async function answer(request) {
  try {
    if (!Object.hasOwn(VERBS, request.verb)) throw new Error(`unknown verb ${request.verb}`);
    return { ok: (await VERBS[request.verb](request)) ?? {} };
  } catch (error) {
    if (error instanceof Refusal) return { reject: { code: error.code, message: error.message } };
    process.stderr.write(`${error.stack}\n`);
    return { error: error.message };
  }
}

const running = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const done = answer(request).then((result) => process.stdout.write(`${JSON.stringify({ id: request.id, ...result })}\n`));
  running.add(done);
  done.finally(() => running.delete(done));
}
await Promise.all(running);
child?.kill('SIGKILL');
rmSync(directory, { recursive: true, force: true });
