#!/usr/bin/env node
// The adapter of the conformance suite: one JSON request a line on stdin, one JSON answer a line on stdout.
import { createInterface } from 'node:readline';
import { Refusal } from './lib/refusal.mjs';
import { KINDS } from './lib/verify.mjs';

const VERBS = {
  hello: () => ({ protocol: 1, software: 'sopro-javascript', version: '0.1', profiles: ['reader'], features: [] }),
  verify(request) {
    if (!Object.hasOwn(KINDS, request.kind)) throw new Error(`unknown kind ${request.kind}`);
    return KINDS[request.kind](request);
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

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  answer(request).then((result) => process.stdout.write(`${JSON.stringify({ id: request.id, ...result })}\n`));
}
