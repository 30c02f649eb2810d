// Small helpers on bytes that several sections share.
import { createHash } from 'node:crypto';
import { refuse } from './refusal.mjs';

export const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const isBytes = (value, length) =>
  Buffer.isBuffer(value) && (length === undefined || value.length === length);

export const hex = (bytes) => bytes.toString('hex');

// RFC 4648 section 4 with padding, in the one spelling that encoding gives again (NOTE-6).
export function base64(text, code) {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) refuse(code, 'not canonical base64');
  return bytes;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(bytes, code, message = 'not valid UTF-8') {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return refuse(code, message);
  }
}
