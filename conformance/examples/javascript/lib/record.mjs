// REC: records, entries and their signatures.
import { decode, encode, ENTRY_LIMIT, RECORD_LIMIT } from './encoding.mjs';
import { hex, isBytes } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { commitment } from './families.mjs';
import { anyMap, array, bytes, count, family, map, optional, origin, shortText } from './fields.mjs';
import { checkSignature, keyId } from './keys.mjs';
import { leafHash } from './tree.mjs';

const envelope = map({
  body: anyMap,
  crit: optional(array(1, 16, shortText)),
  docs: optional(array(1, 16, commitment)), // DOC-1
  entity: bytes(16),
  family,
  log: origin,
  prev: optional(bytes(32)),
  salt: bytes(16),
  time: count,
  v: (value) => value === 1,
});

// REC-1
export function parseRecord(input) {
  const record = decode(input, RECORD_LIMIT);
  if (!envelope(record)) refuse('rec.form', 'not a record');
  return record;
}

// REC-2, REC-3: {record: bytes, signatures: [{key, signature}], id}.
export function parseEntry(input) {
  const value = decode(input, ENTRY_LIMIT);
  if (!Array.isArray(value) || value.length !== 2 || !isBytes(value[0]) || !Array.isArray(value[1])) {
    refuse('rec.entry', 'not [record, signatures]');
  }
  const [record, list] = value;
  if (list.length < 1 || list.length > 8) refuse('sig.missing', 'not 1 to 8 signatures');
  const signatures = list.map((item) => {
    if (!Array.isArray(item) || item.length !== 2 || !isBytes(item[0], 32) || !isBytes(item[1], 64)) {
      refuse('sig.missing', 'not [key id, signature]');
    }
    return { key: item[0], signature: item[1] };
  });
  for (let i = 1; i < signatures.length; i++) {
    if (Buffer.compare(signatures[i - 1].key, signatures[i].key) >= 0) refuse('sig.missing', 'not sorted by key id');
  }
  return { record, signatures, id: leafHash(input) };
}

// REC-4
export const signedBytes = (record) => Buffer.concat([Buffer.from('sopro-record/1\n'), record]);

// REC-4 with the public keys at hand: every key must be known, then every signature must verify.
export function checkSignatures(entry, publicKeys) {
  const known = new Map(publicKeys.map((key) => [hex(keyId(key)), key]));
  const keys = entry.signatures.map(({ key }) => known.get(hex(key)) ?? refuse('sig.unknown-key', `key ${hex(key)}`));
  entry.signatures.forEach(({ signature }, i) => checkSignature(keys[i], signedBytes(entry.record), signature));
}

export function writeEntry(record, pairs) {
  const message = signedBytes(record);
  const signatures = pairs.map((pair) => [pair.id, pair.sign(message)]);
  signatures.sort((a, b) => Buffer.compare(a[0], b[0]));
  return encode([record, signatures]);
}
