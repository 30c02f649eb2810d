// DOC: commitments to documents outside the log.
import { createHmac } from 'node:crypto';
import { isBytes } from './bytes.mjs';
import { refuse } from './refusal.mjs';

// DOC-2
export const commitmentOf = (key, content) =>
  createHmac('sha256', key).update('sopro-document/1\n').update(content).digest();

export function checkDocument(content, key, size, commitment) {
  const bad = (message) => refuse('acc.commitment', message);
  if (!isBytes(key, 32)) bad('a key that has not 32 bytes');
  if (content.length !== size) bad('another size');
  if (!isBytes(commitment, 32) || !commitmentOf(key, content).equals(commitment)) bad('another commitment');
}
