#!/usr/bin/env node
// The smallest adapter that gets an answer right: `hello`, and one kind of `verify` (conformance/README.md).
// sopro-conformance run --adapter "node conformance/examples/minimal.mjs" --case ACC-03 --out out
import { createHmac } from 'node:crypto';
import { createInterface } from 'node:readline';

// What a rule forbids is refused with the code that SPEC.md names beside the rule.
class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const bytes = (text) => Buffer.from(text, 'base64');

const KINDS = {
  // DOC-2: a document, its key, its size, and what the record commits to.
  document({ content, key, size, commitment }) {
    if (bytes(key).length !== 32) throw new Refusal('acc.commitment', 'a key that has not 32 bytes');
    if (bytes(content).length !== size) throw new Refusal('acc.commitment', 'another size');
    const found = createHmac('sha256', bytes(key)).update('sopro-document/1\n').update(bytes(content)).digest();
    if (!found.equals(bytes(commitment))) throw new Refusal('acc.commitment', 'another commitment');
    return {};
  },
};

const VERBS = {
  hello: () => ({ protocol: 1, software: 'minimal', version: '0.1', profiles: ['reader'], features: [] }),
  verify(request) {
    if (!Object.hasOwn(KINDS, request.kind)) throw new Error(`no kind ${request.kind} yet`);
    return KINDS[request.kind](request);
  },
};

function answer(request) {
  try {
    if (!Object.hasOwn(VERBS, request.verb)) throw new Error(`no verb ${request.verb} yet`);
    return { ok: VERBS[request.verb](request) };
  } catch (error) {
    if (error instanceof Refusal) return { reject: { code: error.code, message: error.message } };
    return { error: error.message }; // cannot do it, or a bug: never a verdict
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  process.stdout.write(`${JSON.stringify({ id: request.id, ...answer(request) })}\n`);
}
