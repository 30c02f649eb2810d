// Runs the frozen vectors beside SPEC.md: `node --test`. SOPRO_VECTORS names another folder.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal } from './lib/refusal.mjs';
import { decode, encode, isMap } from './lib/encoding.mjs';
import { isBytes } from './lib/bytes.mjs';
import * as keys from './lib/keys.mjs';
import * as tree from './lib/tree.mjs';
import * as tile from './lib/tile.mjs';
import { parseNote, verifyNote } from './lib/note.mjs';
import { checkOrigin, openCheckpoint, parseCheckpoint } from './lib/checkpoint.mjs';
import { openCosignature, parseRequest } from './lib/cosignature.mjs';
import { openProof, parseProof } from './lib/proof.mjs';
import { checkQuorum, parsePolicy } from './lib/policy.mjs';
import { checkDocument, commitmentOf } from './lib/document.mjs';
import { checkSignatures, parseEntry, parseRecord } from './lib/record.mjs';
import { checkBody } from './lib/families.mjs';
import { EXTRA } from './vectors.extra.mjs';

const FOLDER = process.env.SOPRO_VECTORS ?? fileURLToPath(new URL('../../../protocol/vectors', import.meta.url));
const load = (name) => JSON.parse(readFileSync(join(FOLDER, name)));

const unhex = (text) => Buffer.from(text, 'hex');
const unbase64 = (text) => Buffer.from(text, 'base64');
const hex = (bytes) => bytes.toString('hex');
const refuses = (code, call, what) =>
  assert.throws(call, (error) => error instanceof Refusal && error.code === code, `${what}: ${code} expected`);

// Files of `cases`: hex, long bytes as parts, decoded bytes as hex:00ff.
const bytesOf = ({ bytes, parts }) =>
  parts === undefined ? unhex(bytes) : Buffer.concat(parts.map(([part, times]) => unhex(part.repeat(times))));

function readable(value) {
  if (isBytes(value)) return `hex:${hex(value)}`;
  if (Array.isArray(value)) return value.map(readable);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
  return value;
}

function unreadable(value) {
  if (typeof value === 'string' && value.startsWith('hex:')) return unhex(value.slice(4));
  if (Array.isArray(value)) return value.map(unreadable);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unreadable(inner)]));
  return value;
}

function runCases(file, judge) {
  test(file, async (t) => {
    const vectors = load(file);
    for (const vector of vectors.cases) {
      await t.test(`${vector.clause} ${vector.name}`, () => {
        judge.accept?.(vector.accept, vector, vectors);
        for (const reject of vector.reject) refuses(reject.code, () => judge.run(reject, vector, vectors), reject.delta);
      });
    }
  });
}

runCases('encoding.json', {
  accept(accept) {
    const bytes = bytesOf(accept);
    const value = decode(bytes);
    if ('value' in accept) {
      assert.deepEqual(readable(value), accept.value);
      assert.deepEqual(encode(unreadable(accept.value)), bytes);
    }
    assert.deepEqual(encode(value), bytes);
  },
  run: (reject) => decode(bytesOf(reject)),
});

// REC-7: a body that does not fit; the other codes are those of the record's form.
function judgeRecord(bytes) {
  const record = parseRecord(bytes);
  checkBody(record);
  return record;
}

runCases('record.json', {
  accept(accept) {
    const record = judgeRecord(bytesOf(accept));
    if ('value' in accept) assert.deepEqual(readable(record), accept.value);
    if ('entry' in accept) {
      const entry = parseEntry(unhex(accept.entry));
      assert.equal(hex(entry.id), accept.leaf_hash);
      assert.deepEqual(entry.record, bytesOf(accept));
    }
  },
  run: (reject) => judgeRecord(bytesOf(reject)),
});

const judgeEntry = (bytes, { checked }, vectors) => {
  const entry = parseEntry(bytes);
  if (checked !== 'form') {
    checkSignatures(entry, vectors.keys.filter((key) => key.at_hand).map((key) => unhex(key.public)));
  }
  return entry;
};

runCases('entry.json', {
  accept(accept, vector, vectors) {
    const entry = judgeEntry(bytesOf(accept), vector, vectors);
    assert.equal(hex(entry.id), accept.leaf_hash);
    assert.deepEqual(entry.signatures.map(({ key, signature }) => [hex(key), hex(signature)]), accept.signatures);
    for (const { public: publicKey, key_id: id } of vectors.keys) assert.equal(hex(keys.keyId(unhex(publicKey))), id);
  },
  run: (reject, vector, vectors) => judgeEntry(bytesOf(reject), vector, vectors),
});

runCases('document.json', {
  accept(accept) {
    checkDocument(bytesOf(accept), unhex(accept.key), accept.size, unhex(accept.commitment));
    assert.equal(hex(commitmentOf(unhex(accept.key), bytesOf(accept))), accept.commitment);
  },
  run: (reject) => checkDocument(bytesOf(reject), unhex(reject.key), reject.size, unhex(reject.commitment)),
});

// Files of `groups`: each case is the arguments of one call.
const vkeys = (texts) => texts.map(keys.parseLogKey);
const CALLS = {
  key_id: ({ key }) => hex(keys.keyId(unhex(key))),
  verify: ({ key, message, signature }) => keys.checkSignature(unhex(key), unbase64(message), unhex(signature)),
  check_public_key: ({ key }) => keys.checkPublicKey(unhex(key)),
  parse_vkey: ({ vkey }) => hex(keys.parseVerifierKey(vkey).public),
  root: ({ entries }) => hex(tree.rootOf(entries.map((entry) => tree.leafHash(unbase64(entry))))),
  check_inclusion: ({ leaf, index, size, proof, root }) =>
    tree.checkInclusion(unhex(leaf), index, size, proof.map(unhex), unhex(root)),
  check_consistency: (c) =>
    tree.checkConsistency(c.old_size, c.new_size, unhex(c.old_root), unhex(c.new_root), c.proof.map(unhex)),
  parse_index: ({ index }) => tile.parseIndex(index),
  parse_path: ({ path }) => tile.parsePath(path),
  resources: ({ size }) => tile.resources(size),
  check_tile: ({ data, width, root }) =>
    hex(tile.checkTile(unbase64(data), width, root === undefined ? undefined : unhex(root)).root),
  parse_entry_bundle: ({ data, width }) =>
    tile.parseEntryBundle(unbase64(data), width).map((entry) => entry.toString('base64')),
  parse_note({ note }) {
    const { text, signatures } = parseNote(unbase64(note));
    return { text, signatures: signatures.map(({ name, id, signature }) => ({ name, key_id: id, signature: hex(signature) })) };
  },
  open_note: ({ note, vkeys: texts }) => verifyNote(parseNote(unbase64(note)), vkeys(texts)).map(({ text }) => text),
  check_origin: ({ origin }) => checkOrigin(origin),
  parse_checkpoint({ text }) {
    const { origin, size, root } = parseCheckpoint(text);
    return { origin, size, root: hex(root) };
  },
  open_checkpoint({ note, origin, vkeys: texts }) {
    const { size, root } = openCheckpoint(unbase64(note), origin, vkeys(texts));
    return { size, root: hex(root) };
  },
  open_cosignature: ({ note, vkey }) => openCosignature(unbase64(note), keys.parseVerifierKey(vkey)),
  parse_add_checkpoint({ body }) {
    const { oldSize, proof } = parseRequest(unbase64(body));
    return { old_size: oldSize, proof: proof.map(hex) };
  },
  parse_proof({ file }) {
    const { index, proof, extra } = parseProof(unbase64(file));
    return { index, proof: proof.map(hex), extra: extra === null ? null : extra.toString('base64') };
  },
  open_proof({ file, entry, origin, vkeys: texts }) {
    const { size, root } = openProof(unbase64(file), unbase64(entry), origin, vkeys(texts));
    return { size, root: hex(root) };
  },
  parse_policy: ({ file }) => parsePolicy(unbase64(file)),
  check_quorum({ policy, note, latest }) {
    const { times, earliest, median } = checkQuorum(parsePolicy(Buffer.from(policy)), unbase64(note), latest);
    return { times, earliest, median };
  },
  ...EXTRA.calls,
};
// What a case gives is compared unless it is a spelling of the software that wrote the vectors.
const NOT_COMPARED = new Set(['parse_policy']);

for (const file of [
  'keys.json', 'merkle.json', 'tile.json', 'note.json', 'checkpoint.json', 'cosignature.json', 'tlog-proof.json',
  'policy.json', ...EXTRA.files,
]) {
  test(file, async (t) => {
    for (const group of load(file).groups) {
      const call = CALLS[group.call];
      await t.test(group.name, () => {
        group.accept.forEach((accept, i) => {
          const gives = call(accept) ?? null;
          if (!NOT_COMPARED.has(group.call)) {
            assert.deepEqual(gives, accept.gives, `accept ${i} ${accept.why ?? ''}`);
          }
        });
        for (const reject of group.reject) refuses(reject.code, () => call(reject), reject.why);
      });
    }
  });
}

EXTRA.tests?.(test, { load, refuses, FOLDER });
