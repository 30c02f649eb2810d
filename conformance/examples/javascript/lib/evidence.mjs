// EVID: evidence that a log has two histories.
import { decode, encode, isMap } from './encoding.mjs';
import { hex, isBytes, sha256 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { checkSignature, keyId } from './keys.mjs';
import { FAMILIES } from './families.mjs';
import { array, bytes, bytesBetween, integer, map, optional } from './fields.mjs';
import { KeyHistory, parseKeyRecord } from './keyhistory.mjs';
import { parseEntry, parseRecord, signedBytes } from './record.mjs';
import { checkOrigin, logVerifierKey, openCheckpoint, parseCheckpoint } from './checkpoint.mjs';
import { parseNote } from './note.mjs';
import { openProof } from './proof.mjs';
import { checkConsistency, MAX_SIZE } from './tree.mjs';

const FILE_LIMIT = 1_048_576; // EVID-1
const MAX_NOTE = 65536;

export const proven = (value) => Array.isArray(value) && value.length === 2 && isBytes(value[0]) && isBytes(value[1]);

// [note, root, proof]
const isHead = (value) =>
  Array.isArray(value) && value.length === 3 &&
  bytesBetween(0, MAX_NOTE)(value[0]) && isBytes(value[1], 32) && array(0, 63, bytes(32))(value[2]);

const form = map({
  sopro_evidence: (value) => value === 1,
  origin: (value) => typeof value === 'string',
  size: integer(1, MAX_SIZE),
  heads: array(2, 2, isHead),
  keys: array(1, 64, isBytes),
  membership: optional(proven),
  coordinator_keys: optional(array(1, 64, isBytes)),
});

// EVID-1, with what the notes say without their signatures.
export function parseEvidence(file) {
  const bad = (message) => refuse('evid.form', message);
  const value = decode(file, FILE_LIMIT);
  if (!isMap(value) || !form(value)) bad('not evidence');
  if ((value.membership === undefined) !== (value.coordinator_keys === undefined)) {
    bad('membership without the keys of the coordinator, or these alone');
  }
  checkOrigin(value.origin);
  const heads = value.heads.map(([note, root, proof]) => {
    return { note, root, proof, signed: parseCheckpoint(parseNote(note).text) };
  });
  const [first, second] = heads.map(({ signed }) => signed);
  if (first.size > second.size || (first.size === second.size && Buffer.compare(first.root, second.root) > 0)) bad('the order of the heads');
  return { ...value, heads };
}

// EVID-2
export const evidenceId = ({ origin, heads }) =>
  sha256('sopro-evidence/1\n', encode([origin, heads.map(({ signed }) => [signed.size, signed.root])]));

// The public keys that key records without positions name, each record signed by the root key `root` or by
// one that members have appointed, as the records before it say (SUCC-4).
function namedKeys(origin, isCoordinator, root, entries) {
  const history = new KeyHistory(origin, isCoordinator);
  const roots = new Set([hex(keyId(root))]);
  for (const bytesOfEntry of entries) {
    // Who signed comes before what is signed, as the vectors have it.
    const entry = parseEntry(bytesOfEntry);
    const { body } = parseRecord(entry.record);
    const isTrusted = entry.signatures.every(({ key }) => roots.has(hex(key)));
    if (!isTrusted && !(isCoordinator && body.appointed !== undefined)) refuse('sig.unknown-key', 'signed by another root key');
    const item = parseKeyRecord(bytesOfEntry, origin);
    if (!isTrusted) { // SUCC-4
      const { size } = parseCheckpoint(parseNote(body.appointed.head).text);
      history.checkAppointed(body, size);
      roots.add(hex(keyId(body.root)));
    }
    history.add({ ...item, position: 0 });
    for (const key of history.keys.values()) key.until = null;
  }
  const ofRole = (role) => [...history.keys.values()].filter((key) => key.role === role).map((key) => key.public);
  return { log: ofRole('log').map((key) => logVerifierKey(origin, key)), registrar: ofRole('registrar') };
}

// A site_membership entry that a registrar of the coordinator has signed, at its place in that log.
export function openMembership([entryBytes, proof], coordinator, logKeys, registrars, origin) {
  const entry = parseEntry(entryBytes);
  const record = parseRecord(entry.record);
  if (record.family !== 'site_membership/1' || record.log !== coordinator || !FAMILIES.site_membership.fits(record.body)) {
    refuse('mem.untrusted', 'not a membership record of the coordinator');
  }
  for (const { key, signature } of entry.signatures) {
    const registrar = registrars.find((publicKey) => keyId(publicKey).equals(key)) ?? refuse('sig.unknown-key', 'not a registrar of the coordinator');
    checkSignature(registrar, signedBytes(entry.record), signature);
  }
  if (record.body.origin !== origin) refuse('mem.untrusted', 'the membership of another log');
  const head = openProof(proof, entryBytes, coordinator, logKeys);
  return { body: record.body, head };
}

// EVID-3 to EVID-5. `trust` is {coordinator, coordinatorRoot}, or {root} of the site.
export function verifyEvidence(file, trust) {
  const evidence = parseEvidence(file);
  const untrusted = (message) => refuse('mem.untrusted', message);
  let root = trust.root;
  const isCoordinator = evidence.origin === trust.coordinator;
  if (root === undefined) {
    if (isCoordinator) root = trust.coordinatorRoot;
    else {
      if (evidence.membership === undefined) untrusted('no membership');
      const keys = namedKeys(trust.coordinator, true, trust.coordinatorRoot, evidence.coordinator_keys);
      const { body } = openMembership(evidence.membership, trust.coordinator, keys.log, keys.registrar, evidence.origin);
      root = body.root;
    }
  }
  const { log } = namedKeys(evidence.origin, isCoordinator, root, evidence.keys);
  for (const { note, root: rootAtSize, proof, signed } of evidence.heads) {
    openCheckpoint(note, evidence.origin, log);
    checkConsistency(evidence.size, signed.size, rootAtSize, signed.root, proof);
  }
  if (evidence.heads[0].root.equals(evidence.heads[1].root)) refuse('evid.none', 'one history');
  return { id: evidenceId(evidence), origin: evidence.origin, size: evidence.size, sizes: evidence.heads.map(({ signed }) => signed.size) };
}
