// CKP: checkpoints.
import { base64, isBytes } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { ED25519, verifierKey } from './keys.mjs';
import { parseNote, signNote, verifyNote } from './note.mjs';
import { EMPTY_ROOT, MAX_SIZE } from './tree.mjs';

const bad = (message) => refuse('ckp.format', message);

// CKP-2
export function checkOrigin(origin) {
  if (!/^[!-*,-~]{1,255}$/.test(origin) || /^(cosignature|subtree)\//.test(origin)) bad('not an origin');
}

// CKP-3: decimal digits without sign or leading zero, up to 2^48.
export function parseSize(text, code = 'ckp.format') {
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text) || Number(text) > MAX_SIZE) refuse(code, 'not a size');
  return Number(text);
}

// CKP-1 to CKP-3; the rule about size 0 (CKP-4) is apart, because a witness judges it later (WIT-3).
export function parseHead(text) {
  const lines = text.split('\n');
  if (lines.length !== 4 || lines[3] !== '') bad('not three lines');
  checkOrigin(lines[0]);
  const size = parseSize(lines[1]);
  const root = base64(lines[2], 'ckp.format');
  if (!isBytes(root, 32)) bad('a root that has not 32 bytes');
  return { origin: lines[0], size, root };
}

export function parseCheckpoint(text) {
  const head = parseHead(text);
  if (head.size === 0 && !head.root.equals(EMPTY_ROOT)) bad('size 0 with another root');
  return head;
}

export const checkpointText = ({ origin, size, root }) => `${origin}\n${size}\n${root.toString('base64')}\n`;

export const signCheckpoint = (head, pairs) => {
  const text = checkpointText(head);
  return `${text}\n${pairs.map((pair) => signNote(text, head.origin, pair)).join('')}`;
};

// CKP-5: log keys are Ed25519 keys whose name is the origin.
export const logVerifierKey = (origin, publicKey) => verifierKey(origin, ED25519, publicKey);

// CKP-5, CKP-6: {origin, size, root, text, signatures}. `keys` is a list, or gives one for a size (KEY-9).
export function openCheckpoint(bytes, origin, keys) {
  const note = parseNote(bytes);
  const head = parseCheckpoint(note.text);
  if (head.origin !== origin) refuse('hos.origin', `a checkpoint of ${head.origin}`);
  const known = typeof keys === 'function' ? keys(head.size) : keys;
  verifyNote(note, known.filter(({ name }) => name === origin));
  return { ...head, ...note };
}
