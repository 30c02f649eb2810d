// NOTE: signed notes.
import { base64, hex, isBytes, utf8 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { ED25519, isKeyName, isSignature, verifierKey } from './keys.mjs';

const MAX_NOTE = 1_000_000; // NOTE-6
const MAX_LINES = 100; // NOTE-1
const DASH = '\u2014';

const bad = (message) => refuse('ckp.format', message);

// NOTE-1 to NOTE-6: {text, signatures: [{name, id, signature, line}]}.
export function parseNote(bytes) {
  if (bytes.length > MAX_NOTE) bad('note too long');
  const note = utf8(bytes, 'ckp.format');
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) bad('control character');
  const end = note.lastIndexOf('\n\n');
  if (end < 0 || !note.endsWith('\n')) bad('no empty line, or no newline at the end');
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split('\n').slice(0, -1);
  if (lines.length < 1 || lines.length > MAX_LINES) bad('not 1 to 100 signature lines');
  const signatures = lines.map(parseLine);
  const seen = new Set(signatures.map(({ name, id }) => `${name}+${id}`));
  if (seen.size !== signatures.length) bad('two lines of one key'); // NOTE-5
  return { text, signatures };
}

// NOTE-3
function parseLine(line) {
  const parts = line.split(' ');
  if (parts.length !== 3 || parts[0] !== DASH || !isKeyName(parts[1])) bad('not a signature line');
  const blob = base64(parts[2], 'ckp.format');
  if (blob.length < 5) bad('no signature');
  return { name: parts[1], id: hex(blob.subarray(0, 4)), signature: blob.subarray(4), line: `${line}\n` };
}

export function signatureLine(key, signature) {
  return `${DASH} ${key.name} ${Buffer.concat([Buffer.from(key.id, 'hex'), signature]).toString('base64')}\n`;
}

// NOTE-2
export const signNote = (text, name, pair) => signatureLine(verifierKey(name, ED25519, pair.public), pair.sign(Buffer.from(text)));

// NOTE-7, NOTE-8: the keys that signed; of two with one name and note key id the one that verifies (KEY-5).
export function verifyNote(note, keys) {
  const signed = [];
  for (const line of note.signatures) {
    const known = keys.filter((key) => key.type === ED25519 && key.name === line.name && key.id === line.id);
    if (known.length === 0) continue;
    const text = Buffer.from(note.text);
    const key = known.find(({ public: publicKey }) => isBytes(line.signature, 64) && isSignature(publicKey, text, line.signature));
    if (key === undefined) refuse('ckp.signature', `the line of ${line.name} does not verify`);
    signed.push(key);
  }
  if (signed.length === 0) refuse('ckp.signature', 'no line of a known key');
  return signed;
}
