// BUNDLE: entries with the public documents that belong to them, and the array that /keys serves (SYNC-1).
import { decode, encode } from './encoding.mjs';
import { isBytes } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { count } from './fields.mjs';
import { WIDTH } from './tile.mjs';

const BUNDLE_LIMIT = WIDTH * 65543 + 17 * 1024 * 1024; // BUNDLE-1
const KEYS_LIMIT = 64 * 1024 * 1024;

export const limits = { bundle: BUNDLE_LIMIT, keys: KEYS_LIMIT };

export const writeBundle = (entries) => encode([entries, []]);

// BUNDLE-2: the items of a bundle of `width`; this reader takes no documents.
export function parseBundle(bytes, width) {
  const bad = (message) => refuse('hos.bundle', message);
  let value;
  try {
    value = decode(bytes, BUNDLE_LIMIT);
  } catch (error) {
    return bad(error.message);
  }
  if (!Array.isArray(value) || value.length !== 2 || !value.every(Array.isArray)) bad('not [items, documents]');
  if (value[0].length !== width) bad('another number of items');
  for (const item of value[0]) {
    const isGap = Array.isArray(item) && item.length === 2 && isBytes(item[0], 32) && count(item[1]);
    if (!isBytes(item) && !isGap) bad('an item that is none');
  }
  return value[0];
}

export const writeKeys = (records) => encode(records);

export function parseKeys(bytes) {
  let value;
  try {
    value = decode(bytes, KEYS_LIMIT);
  } catch (error) {
    return refuse('hos.keys', error.message);
  }
  const isList = Array.isArray(value) && value.every((item) => Array.isArray(item) && item.length === 2 && count(item[0]) && isBytes(item[1]));
  if (!isList) refuse('hos.keys', 'not [[position, entry], ...]');
  return value;
}
