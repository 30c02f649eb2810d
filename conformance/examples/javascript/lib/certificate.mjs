// CERT: certificates, verified from the coordinator's origin and root key alone (CERT-2).
import { decode, isMap } from './encoding.mjs';
import { hex, isBytes } from './bytes.mjs';
import { codeOf, Refusal, refuse } from './refusal.mjs';
import { checkSignature, keyId } from './keys.mjs';
import { familyOf } from './families.mjs';
import { array, bytes, count, map, optional, text } from './fields.mjs';
import { followKeys, KeyHistory } from './keyhistory.mjs';
import { parseEntry, signedBytes } from './record.mjs';
import { openProof, parseProof } from './proof.mjs';
import { leafHash, nodeHash } from './tree.mjs';
import { parseCheckpoint } from './checkpoint.mjs';
import { parseNote } from './note.mjs';
import { checkDocument } from './document.mjs';
import { checkStatus } from './status.mjs';
import { decodeEntry } from './judge.mjs';
import { checkFields, checkLater, checkNumber, checkOrder, DATES, Label } from './label.mjs';
import { checkCorrected, checkScope } from './scope.mjs';
import { checkEarlier } from './assessment.mjs';
import { fits } from './logs.mjs';
import { originParts } from './federation.mjs';
import { checkDays } from './dates.mjs';
import { checkQuorum } from './policy.mjs';
import { proven } from './evidence.mjs';

const FILE_LIMIT = 4 * 1024 * 1024; // CERT-1
const MAX_NESTED = 8; // CERT-13
const AHEAD = 300; // WIT-14

const documentItem = (value) =>
  Array.isArray(value) && value.length === 4 && count(value[0]) && count(value[1]) && isBytes(value[2]) && isBytes(value[3]);
const statusItem = (value) =>
  Array.isArray(value) && value.length === 3 && isBytes(value[0]) && count(value[1]) && array(0, 63, bytes(32))(value[2]);

const form = map({
  sopro_certificate: (value) => value === 1,
  number: text(0, 128),
  decisions: array(1, 256, proven),
  keys: proven,
  membership: proven,
  coordinator_keys: proven,
  before: optional((value) => isBytes(value)),
  coordinator_key_history: optional(array(0, 256, proven)),
  documents: optional(array(0, 64, documentItem)),
  key_history: optional(array(0, 256, proven)),
  records: optional(array(0, 16, proven)),
  state: optional(proven),
  status: optional(statusItem),
});

// {verdict, number, asOf, size, label}; `trust` is {coordinator, root, day, now (ms), policy, knowledge}.
export function judgeCertificate(file, trust) {
  const certificate = verify(file, trust, 1);
  const { label, chain } = certificate;
  const later = trust.knowledge?.later(certificate.number, chain, trust.day) ?? null;
  if (later !== null) { // CERT-18; who follows a policy knows of no head here that its quorum has cosigned
    const isProven = later.reachesEnd && trust.policy === undefined;
    const verdict = later.status === 'active' ? (isProven ? 'valid' : 'unproven') : later.status;
    return { verdict, number: certificate.number, asOf: later.asOf, size: certificate.size, label };
  }
  const status = statusOn(chain, trust.day);
  return { verdict: verdictOf(certificate, status), number: certificate.number, asOf: certificate.asOf, size: certificate.size, label };
}

// CERT-10; `chain` are the files from the outermost to the innermost.
function verdictOf({ chain, quorum }, status) {
  if (chain.some(({ label }) => label.undetermined)) return 'undetermined';
  if (status !== 'active') return status;
  const complete = chain.every(({ proved, reachesEnd }) => proved && reachesEnd);
  const last = chain[chain.length - 1];
  const handedOver = last.label.first?.body.takes === undefined; // the first log, or `before` is missing (CERT-13)
  return complete && handedOver && quorum ? 'valid' : 'unproven';
}

function statusOn(chain, day) {
  const stage = chain.find(({ label }, i) => i === chain.length - 1 || label.first.day <= day);
  return stage.label.statusOn(day);
}

function verify(file, trust, depth) {
  const malformed = (message) => refuse('cert.form', message);
  const value = decode(file, FILE_LIMIT);
  if (!isMap(value) || !form(value)) malformed('not a certificate');
  if (value.status !== undefined && value.state === undefined) malformed('status without state');
  if (depth > MAX_NESTED) malformed('too many files inside one another');

  // Keys of the coordinator, its word about the site, keys of the site (CERT-2, CERT-12).
  const coordinatorKeys = keysOf(trust.coordinator, true, trust.root, [value.coordinator_keys, ...(value.coordinator_key_history ?? [])]);
  const membershipItem = openEntry(value.membership, trust.coordinator, coordinatorKeys, ['registrar'], 'site_membership');
  const membership = membershipItem.record.body;
  if (originParts(membership.origin)?.site !== membership.site) refuse('mem.untrusted', 'the membership of another site');
  const origin = logOf(value.keys[0], membership);
  const keyItems = [value.keys, ...(value.key_history ?? [])];
  const keys = keysOf(origin, false, membership.root, keyItems);

  const { label, items } = labelOf(value, origin, keys, membership);
  const head = headOf(value, items, origin, keys, keyItems);
  const proved = value.status !== undefined;
  if (proved) checkLeaf(value.status, head.state, label);
  const records = openRecords(value.records ?? [], origin, keys, label);
  checkDocuments(value.documents ?? [], [...items, ...records]);

  let gone = goneOf(membershipItem.record, origin);
  if (trust.knowledge !== undefined) { // CERT-16
    const { knowledge } = trust;
    const coordinatorItems = [value.coordinator_keys, ...(value.coordinator_key_history ?? [])];
    knowledge.checkLog(trust.coordinator, [...coordinatorItems, value.membership], coordinatorItems);
    knowledge.checkLog(origin, [...keyItems, ...value.decisions, ...(value.state === undefined ? [] : [value.state])], keyItems);
    knowledge.checkDecisions(origin, items.map(({ position }) => position));
    const known = knowledge.lastWord(origin);
    if (known !== undefined && known.position > membershipItem.position) gone = goneOf(known, origin);
  }
  const { asOf, quorum } = momentOf(head, trust, gone);
  const { continues } = keys.records[0].body;
  const own = { number: value.number, label, origin, membership, continues, proved, reachesEnd: true, size: head.size, asOf, quorum };
  own.chain = [own];
  if (value.before !== undefined) {
    if (label.first?.body.takes === undefined) refuse('lbl.reference', 'before without takes');
    const before = verify(value.before, trust, depth + 1);
    checkBefore(own, before);
    own.chain = [own, ...before.chain];
  }
  return own;
}

// EPOCH-7: the log of the membership, or the one that it closes where entry 0 is of that.
function logOf(entry, { ends, origin }) {
  const named = ends?.origin ?? origin;
  return named !== origin && codeOf(() => decodeEntry(entry)) === null && decodeEntry(entry).record.log === named ? named : origin;
}

const positionOf = ([, proof]) => parseProof(proof).index;

// KEY-10, CERT-12, SUCC-5: the keys of a log, and every key record at its place.
function keysOf(origin, isCoordinator, root, items) {
  const list = items.map((item) => [positionOf(item), item[0]]);
  if (list.some(([position], i) => (i === 0 ? position !== 0 : position <= list[i - 1][0]))) refuse('proof.invalid', 'not entry 0, or out of order');
  // Where nobody who is trusted signed, the signer is unknown, as the vectors have it.
  if (!list.some(([, entry]) => parseEntry(entry).signatures.some(({ key }) => key.equals(keyId(root))))) {
    refuse('sig.unknown-key', 'no key record by the trusted root key');
  }
  const history = followKeys(origin, isCoordinator, root, list);
  items.forEach(([entry, proof], i) => {
    const head = openProof(proof, entry, origin, (size) => history.logKeys(size));
    const { body } = history.records[i];
    if (body.appointed !== undefined) {
      const left = parseCheckpoint(parseNote(body.appointed.head).text);
      if (!rootBefore(head)?.equals(left.root)) refuse('mem.untrusted', 'the head is not that of the entries before');
    }
  });
  return history;
}

// SUCC-5: the root of the entries before the one that is proven, from the siblings left of its path.
function rootBefore({ index, size, proof }) {
  let hash = null;
  let at = index;
  let last = size - 1;
  const siblings = [...proof];
  while (last > 0) {
    if (at % 2 === 1 || at < last) {
      const sibling = siblings.shift();
      if (at % 2 === 1) hash = hash === null ? sibling : nodeHash(sibling, hash);
    }
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return hash;
}

// An entry of a log at its place, signed by keys of a role that count there.
function openEntry([entry, proof], origin, keys, roles, family) {
  const position = positionOf([entry, proof]);
  const signed = parseEntry(entry);
  const signers = signed.signatures.map(({ key }) => {
    const known = keys.keys.get(hex(key)) ?? refuse('sig.unknown-key', `key ${hex(key)}`);
    if (!KeyHistory.countsAt(known, position)) refuse('sig.key-retired', 'the key does not count there');
    if (!roles.includes(known.role)) refuse('sig.role', `a ${known.role} key`);
    return known.public;
  });
  signed.signatures.forEach(({ signature }, i) => checkSignature(signers[i], signedBytes(signed.record), signature));
  const item = decodeEntry(entry);
  const { record } = item;
  const kind = familyOf(record);
  if (record.log !== origin) refuse('hos.replay', 'an entry of another log');
  const head = openProof(proof, entry, origin, (size) => keys.logKeys(size));
  const fitsFamily = kind.name === family && !kind.otherMajor && kind.known.fits(record.body);
  const undetermined = kind.name === family && (kind.otherMajor || (record.crit ?? []).some((name) => !Object.hasOwn(kind.known.table, name)));
  if (!fitsFamily && !(family === 'label_decision' && kind.otherMajor)) refuse(NOT_ONE[family], `not a ${family} record`);
  return { ...item, position, head, undetermined };
}

// The code where an entry is not what stands at its place (CERT-2, CERT-4, CERT-6, CERT-9).
const NOT_ONE = {
  site_membership: 'mem.untrusted', label_decision: 'lbl.reference', log_state: 'proof.invalid', offering: 'lbl.reference', organisation: 'lbl.reference',
};

// CERT-4: every entry on the label's entity, in the order of the log; that the offering exists and the scheme
// allowed it is taken as said.
function labelOf(value, origin, keys, membership) {
  const items = value.decisions.map((item) => openEntry(item, origin, keys, ['decision'], 'label_decision'));
  const label = new Label(origin, items[0].record.entity);
  const last = items[items.length - 1];
  if (items.some(({ record, undetermined }) => !undetermined && record.body.certificate !== value.number)) refuse('lbl.reference', 'another number');
  if (membership.ends?.origin === origin && last.position >= membership.ends.size) refuse('mem.inactive', 'beyond the end of the log');
  items.forEach((item, i) => {
    const { record, position } = item;
    const before = items[i - 1];
    const isNext = i === 0
      ? record.prev === undefined
      : record.prev?.equals(before.id) && record.entity.equals(before.record.entity) && position > before.position;
    if (!isNext) refuse('proof.invalid', 'not the entry behind the one before');
  });
  for (const item of items) {
    if (item.undetermined) label.undetermined = true;
    if (label.undetermined) break;
    addDecision(label, item, membership.prefix);
  }
  return { label, items };
}

function addDecision(label, { record, position, id }, prefix) {
  const { body } = record;
  checkDays(...DATES.map((name) => body[name])); // LBL-7
  checkFields(body, label);
  const outcome = label.outcome(body);
  if (body.basis === 'assessed') checkOrder(body, label, outcome, record.time); // LBL-15
  if (label.first !== undefined) checkLater(body, label); // LBL-19
  else if (body.certificate !== undefined && body.takes === undefined) checkNumber(label.origin, prefix, body.certificate); // LBL-18
  checkScope(body, label.scope);
  checkCorrected(body, label.decisions);
  checkEarlier(body, label); // ASS-19
  label.decisions.push({ position, id, body, time: record.time, ...outcome });
}

// CERT-6: the head that the label is proven under, and the `log_state` that ends it.
function headOf(value, items, origin, keys, keyItems) {
  const last = items[items.length - 1];
  if (value.state === undefined) return { ...last.head, time: last.record.time, state: null };
  const state = openEntry(value.state, origin, keys, ['registrar'], 'log_state');
  const { head } = state;
  if (state.position !== head.size - 1) refuse('proof.invalid', 'not the last entry under its head');
  const sameHead = items.every((item) => item.head.size === head.size && item.head.root.equals(head.root));
  if (!sameHead) refuse('proof.invalid', 'a decision under another head');
  const lastKeys = keyItems[keyItems.length - 1][0];
  if (!leafHash(lastKeys).equals(state.record.body.keys)) refuse('sta.keys', 'not the last key record');
  return { ...head, time: state.record.time, state: state.record.body };
}

// CERT-7
function checkLeaf([leaf, index, path], state, label) {
  if (state.status_root === undefined) refuse('sta.status', 'no status root');
  checkStatus(leaf, index, state.certificates, path, state.status_root);
  if (label.undetermined) return;
  const statusIndex = label.first?.body.status_index;
  if (label.first === undefined || index !== statusIndex || !leaf.equals(label.leaf())) refuse('sta.status', 'another leaf than the decisions give');
}

// CERT-9
function openRecords(list, origin, keys, label) {
  const reference = (message) => refuse('lbl.reference', message);
  let offering;
  return list.map((item, i) => {
    const family = decodeEntry(item[0]).record.family.split('/')[0];
    if (i === 0 ? family !== 'offering' : !['offering', 'organisation'].includes(family)) reference('not the offering, then its organisation');
    const opened = openEntry(item, origin, keys, ['registrar'], family);
    const { entity, body } = opened.record;
    if (family === 'offering') offering = body;
    const named = family === 'offering' ? label.first?.body.offering : offering.organisation;
    if (named === undefined || !entity.equals(named)) reference('a record of something else');
    return opened;
  });
}

function checkDocuments(documents, items) {
  for (const [position, number, key, content] of documents) {
    const item = items.find((candidate) => candidate.position === position);
    const commitment = item?.record.docs?.[number] ?? refuse('cert.form', 'a document of no entry in the file');
    checkDocument(content, key, commitment.size, commitment.commitment);
  }
}

// CERT-15: when, and at which size of the log, the coordinator recorded that its site takes no part any more.
function goneOf({ body, time }, origin) {
  if (body.status === 'admitted' && body.origin === origin) return null;
  return { time, end: body.ends?.origin === origin ? body.ends.size : null };
}

// CERT-8, CERT-14, CERT-15: since when the label is known to stand so, in ms, and whether who vouches for that
// is enough: the quorum where there is a policy, and not the word of a site that has gone.
function momentOf(head, trust, gone) {
  const { seen, quorum } = vouchedFor(head, trust);
  if (gone === null) return { asOf: seen ?? head.time, quorum };
  const reaches = gone.end !== null && head.size >= gone.end;
  const own = reaches ? gone.time : head.time;
  return { asOf: seen ?? own, quorum: quorum && (reaches || (gone.end !== null && seen !== null)) };
}

function vouchedFor(head, { policy, now }) {
  if (policy === undefined) return { seen: null, quorum: true };
  try {
    const { median } = checkQuorum(policy, head.note, Math.floor(now / 1000) + AHEAD);
    return { seen: median === null ? null : median * 1000, quorum: true };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'ckp.quorum') throw error;
    return { seen: null, quorum: false };
  }
}

// CERT-13: `before` is the file of the label in the log it was taken over from.
function checkBefore(own, before) {
  const reference = (message) => refuse('lbl.reference', message);
  if (!fits(before.label, own.label)) reference('the two do not fit');
  if (before.label.last.body.receiver !== undefined) return;
  const { membership } = before;
  const site = originParts(own.origin)?.site;
  const sameSite = originParts(before.origin)?.site === site;
  const left = ['left', 'expelled'].includes(membership.status) && membership.successor === site;
  const closed = sameSite && membership.epoch !== undefined && membership.ends?.origin === before.origin;
  const continued = own.continues?.origin === before.origin;
  if (!left && !closed && !continued) reference('nobody handed the label over');
  const ends = [];
  if (membership.ends?.origin === before.origin) ends.push(membership.ends.size);
  if (continued) ends.push(own.continues.size);
  if (continued && before.label.decisions.some(({ position }) => position >= own.continues.size)) refuse('mem.inactive', 'beyond the end');
  before.reachesEnd = ends.every((size) => before.size >= size);
}
