// WIT-3 to WIT-5: what a witness answers, as a pure function. (The publisher of this folder is no witness.)
import { refuse } from './refusal.mjs';
import { COSIGNATURE, verifierKey } from './keys.mjs';
import { parseHead } from './checkpoint.mjs';
import { parseRequest, signedBytes } from './cosignature.mjs';
import { parseNote, signatureLine, verifyNote } from './note.mjs';
import { checkConsistency, EMPTY_ROOT } from './tree.mjs';

// `keysOf` gives the log keys of an origin or undefined, `heldOf` the size and root that were cosigned last.
// Gives {line, note}: the answer, and the note to keep, which must be durable before the answer leaves (WIT-4).
export function cosign(body, { keysOf, heldOf, name, pair, time }) {
  const { oldSize, proof, note: bytes } = parseRequest(body);
  const note = parseNote(bytes);
  const head = parseHead(note.text);
  const keys = keysOf(head.origin) ?? refuse('wit.origin', 'not served here');
  const signed = verifyNote(note, keys);
  if (oldSize > head.size) refuse('wit.old-size', 'the old size is above that of the checkpoint');
  const held = heldOf(head.origin);
  if (oldSize !== held.size) refuse('wit.size', `${held.size} was cosigned last`);
  if (head.size === 0 && !head.root.equals(EMPTY_ROOT)) refuse('proof.invalid', 'size 0 with another root');
  checkConsistency(held.size, head.size, held.root, head.root, proof);
  const instant = Buffer.alloc(8);
  instant.writeBigUInt64BE(BigInt(time));
  const key = verifierKey(name, COSIGNATURE, pair.public);
  const line = signatureLine(key, Buffer.concat([instant, pair.sign(signedBytes(time, note.text))]));
  const lines = note.signatures.filter((own) => signed.some((one) => one.name === own.name && one.id === own.id));
  return { line, note: `${note.text}\n${lines.map((own) => own.line).join('')}${line}` };
}
