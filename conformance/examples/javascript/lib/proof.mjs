// PROOF: offline proofs.
import { base64, isBytes, utf8 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { openCheckpoint, parseSize } from './checkpoint.mjs';
import { checkInclusion, leafHash, MAX_SIZE } from './tree.mjs';

const MAX_FILE = 2_000_000; // PROOF-2
const FIRST_LINE = 'c2sp.org/tlog-proof@v1';
const bad = (message) => refuse('proof.format', message);

// PROOF-1, PROOF-2: {index, proof, extra, note}.
export function parseProof(file) {
  if (file.length > MAX_FILE) bad('file too long');
  const end = file.indexOf('\n\n');
  if (end < 0) bad('no empty line');
  const lines = utf8(file.subarray(0, end), 'proof.format').split('\n');
  if (lines.shift() !== FIRST_LINE) bad('another first line');
  let extra = null;
  if (lines[0]?.startsWith('extra ')) extra = base64(lines.shift().slice(6), 'proof.format');
  const indexLine = lines.shift();
  if (!indexLine?.startsWith('index ')) bad('no index');
  const index = parseSize(indexLine.slice(6), 'proof.format');
  if (index >= MAX_SIZE) bad('index not below 2^48');
  if (lines.length > 63) bad('too many hashes');
  const proof = lines.map((text) => {
    const hash = base64(text, 'proof.format');
    if (!isBytes(hash, 32)) bad('a hash that has not 32 bytes');
    return hash;
  });
  return { index, proof, extra, note: file.subarray(end + 2) };
}

export function writeProof(index, proof, note) {
  return `${FIRST_LINE}\nindex ${index}\n${proof.map((hash) => `${hash.toString('base64')}\n`).join('')}\n${note}`;
}

// PROOF-3: the head under which `entry` stands, with its index there.
export function openProof(file, entry, origin, keys) {
  const { index, proof, note } = parseProof(file);
  const head = openCheckpoint(note, origin, keys);
  checkInclusion(leafHash(entry), index, head.size, proof, head.root);
  return { ...head, index, proof, note };
}
