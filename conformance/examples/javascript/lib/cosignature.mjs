// COS: cosignatures and requests for them.
import { base64, isBytes, utf8 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { COSIGNATURE, isSignature } from './keys.mjs';
import { parseNote } from './note.mjs';
import { parseCheckpoint, parseSize } from './checkpoint.mjs';

const bad = (message) => refuse('ckp.cosignature', message);

// COS-1
export const signedBytes = (time, text) => Buffer.from(`cosignature/v1\ntime ${time}\n${text}`);

// COS-2, COS-3: the time of one signature line, in POSIX seconds.
export function cosignatureTime(line, text, key) {
  if (!isBytes(line.signature, 72)) bad('not 72 bytes');
  const time = line.signature.readBigUInt64BE(0);
  if (time < 1n || time >= 2n ** 63n) bad('time out of range');
  if (!isSignature(key.public, signedBytes(time, text), line.signature.subarray(8))) bad('the cosignature does not verify');
  return Number(time);
}

export const lineOf = (note, key) => note.signatures.find(({ name, id }) => name === key.name && id === key.id);

// The time of the cosignature of `key` (a verifier key of type 4) under a note.
export function openCosignature(bytes, key) {
  if (key.type !== COSIGNATURE) refuse('sig.key', 'not the key of a cosigner');
  const note = parseNote(bytes);
  parseCheckpoint(note.text);
  const line = lineOf(note, key);
  if (line === undefined) bad('no line of the cosigner');
  return cosignatureTime(line, note.text, key);
}

// COS-4: {oldSize, proof, note} of a request to cosign, `note` being its bytes.
export function parseRequest(bytes) {
  const format = (message) => refuse('ckp.format', message);
  const end = bytes.indexOf('\n\n');
  if (end < 0) format('no empty line');
  const [first, ...hashes] = utf8(bytes.subarray(0, end), 'ckp.format').split('\n');
  if (!first.startsWith('old ')) format('no old size');
  const oldSize = parseSize(first.slice(4));
  if (hashes.length > 63) format('too many hashes');
  const proof = hashes.map((text) => {
    const hash = base64(text, 'ckp.format');
    if (!isBytes(hash, 32)) format('a hash that has not 32 bytes');
    return hash;
  });
  const note = bytes.subarray(end + 2);
  parseNote(note);
  return { oldSize, proof, note };
}
