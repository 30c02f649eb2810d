// The adapter's verb `verify` for what stands alone: bytes in, verdict out.
import { checkBody } from './families.mjs';
import { decode, RECORD_LIMIT } from './encoding.mjs';
import { refuse } from './refusal.mjs';
import { checkSignatures, parseEntry, parseRecord } from './record.mjs';
import { checkSignature, COSIGNATURE, parseLogKey, parseVerifierKey } from './keys.mjs';
import { checkConsistency, checkInclusion } from './tree.mjs';
import { parseEntryBundle } from './tile.mjs';
import { parseNote, verifyNote } from './note.mjs';
import { openCheckpoint } from './checkpoint.mjs';
import { openCosignature } from './cosignature.mjs';
import { checkQuorum, parsePolicy } from './policy.mjs';
import { openProof } from './proof.mjs';
import { checkDocument } from './document.mjs';
import { judgeCertificate } from './certificate.mjs';
import { Knowledge } from './knowledge.mjs';
import { describe, judgeAll } from './logs.mjs';

const unbase64 = (text) => Buffer.from(text, 'base64');
const list = (values) => values.map(unbase64);
const bytesOf = (value) => unbase64(value ?? '');

const logKeys = (texts) => texts.map(parseLogKey);

const taken = (logs) => logs.map(({ origin, checkpoint, entries }) => ({ origin, checkpoint: bytesOf(checkpoint), entries: list(entries) }));

const AHEAD = 300; // WIT-14: seconds that a cosignature may be ahead of the clock

export const KINDS = {
  value({ bytes, limit }) {
    decode(bytesOf(bytes), limit ?? RECORD_LIMIT);
    return {};
  },
  record({ bytes }) {
    const record = parseRecord(bytesOf(bytes));
    checkBody(record); // REC-7
    return { family: record.family };
  },
  entry({ bytes, keys }) {
    const entry = parseEntry(bytesOf(bytes));
    if (keys !== undefined) checkSignatures(entry, list(keys));
    return { id: entry.id.toString('base64') };
  },
  signature({ key, message, signature }) {
    checkSignature(bytesOf(key), bytesOf(message), bytesOf(signature));
    return {};
  },
  vkey: ({ text }) => ({ name: parseVerifierKey(text).name }),
  inclusion({ leaf, index, size, proof, root }) {
    checkInclusion(bytesOf(leaf), index, size, list(proof), bytesOf(root));
    return {};
  },
  consistency({ old_size: oldSize, new_size: newSize, old_root: oldRoot, new_root: newRoot, proof }) {
    checkConsistency(oldSize, newSize, bytesOf(oldRoot), bytesOf(newRoot), list(proof));
    return {};
  },
  entries: ({ bytes, count }) => ({ lengths: parseEntryBundle(bytesOf(bytes), count).map((entry) => entry.length) }),
  note: ({ bytes, keys }) => ({ names: verifyNote(parseNote(bytesOf(bytes)), logKeys(keys)).map(({ name }) => name) }),
  checkpoint({ bytes, origin, keys }) {
    const head = openCheckpoint(bytesOf(bytes), origin, logKeys(keys));
    return { size: head.size, root: head.root.toString('base64') };
  },
  cosignature({ bytes, key }) {
    const cosigner = parseVerifierKey(key);
    if (cosigner.type !== COSIGNATURE) refuse('sig.key', 'not a key of type 4');
    return { time: openCosignature(bytesOf(bytes), cosigner) };
  },
  quorum({ bytes, policy, now }) {
    return { cosigned: checkQuorum(parsePolicy(Buffer.from(policy)), bytesOf(bytes), now + AHEAD).cosigned };
  },
  proof({ file, entry, origin, keys }) {
    const { index, size } = openProof(bytesOf(file), bytesOf(entry), origin, logKeys(keys));
    return { index, size };
  },
  document({ content, key, size, commitment }) {
    checkDocument(bytesOf(content), bytesOf(key), size, bytesOf(commitment));
    return {};
  },
  certificate({ file, coordinator, root, day, now, policy, logs }) {
    const trust = { coordinator, root: bytesOf(root), day, now, policy: policy === undefined ? undefined : parsePolicy(Buffer.from(policy)) };
    if (logs !== undefined) trust.knowledge = new Knowledge(judgeAll(coordinator, trust.root, taken(logs)).judges, coordinator);
    const { verdict, number, asOf } = judgeCertificate(bytesOf(file), trust);
    return { verdict, number, as_of: asOf };
  },
  logs({ coordinator, root, logs, day }) {
    const { judges, refused } = judgeAll(coordinator, bytesOf(root), taken(logs));
    return describe(judges, refused, coordinator, day);
  },
};
