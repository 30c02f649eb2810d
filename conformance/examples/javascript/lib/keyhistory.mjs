// KEY-6 to KEY-10, STATE-3 to STATE-5, STATE-12, SUCC-1 to SUCC-4: the keys of one log by position.
import { encode } from './encoding.mjs';
import { hex, sha256 } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { checkPublicKey, checkSignature, isSignature, keyId } from './keys.mjs';
import { checkBody, FAMILIES } from './families.mjs';
import { checkSignatures, parseEntry, parseRecord, signedBytes } from './record.mjs';
import { logVerifierKey, openCheckpoint } from './checkpoint.mjs';
import { checkInclusion } from './tree.mjs';
import { checkDays } from './dates.mjs';
import { originParts } from './federation.mjs';

const MAX_RECORDS = 4096; // KEY-10, STATE-3
const MAX_KEYS = 4096; // STATE-3

// EPOCH-1: the log that `origin` may continue.
export function checkContinues(origin, continues) {
  const own = originParts(origin);
  const before = originParts(continues.origin);
  const fits = own !== null && before !== null && before.federation === own.federation && before.site === own.site && before.epoch === own.epoch - 1;
  if (!fits) refuse('mem.epoch', 'continues a log that is not the one before');
}

export const isSuccessor = (root, nextRoot) => sha256(root).equals(nextRoot);

export class KeyHistory {
  constructor(origin, isCoordinator) {
    this.origin = origin;
    this.isCoordinator = isCoordinator;
    this.records = []; // {position, id, body}, those that count
    this.keys = new Map(); // key id in hex -> {id, public, role, since, until, cuts}
    this.entity = null;
  }

  get latest() {
    return this.records[this.records.length - 1];
  }

  get root() {
    return this.latest.body.root;
  }

  ofPublic(publicKey) {
    return this.keys.get(hex(keyId(publicKey)));
  }

  // STATE-4, STATE-12: whether a key counts at a position.
  static countsAt(key, position) {
    if (position < key.since || (key.until !== null && position >= key.until)) return false;
    return !key.cuts.some((cut) => position > cut.position && position >= cut.size);
  }

  // KEY-9: `since` is the position after the record that names the key, `until` the one after its last.
  static maySign(key, size) {
    return key.role === 'log' && size >= key.since && (key.until === null || size <= key.until) && key.cuts.every((cut) => size <= cut.size);
  }

  logKeys(size) {
    return [...this.keys.values()].filter((key) => KeyHistory.maySign(key, size)).map((key) => logVerifierKey(this.origin, key.public));
  }

  // Public keys of a role that count at a position.
  keysAt(role, position) {
    return [...this.keys.values()].filter((key) => key.role === role && KeyHistory.countsAt(key, position));
  }

  // The rules of a record that has the form of its family, in the order of VOID-14.
  check({ record, signatures, position }) {
    const { body } = record;
    const named = [body.root, ...body.keys.map((key) => key.public)];
    if (this.entity !== null && !record.entity.equals(this.entity)) refuse('mem.key', 'another entity');
    if (body.appointed !== undefined) this.checkAppointed(body, position); // SUCC-4
    if (new Set(named.map(hex)).size !== named.length) refuse('mem.key', 'a public key twice');
    named.forEach(checkPublicKey);
    if (signatures.length !== 1 || !signatures[0].key.equals(keyId(body.root))) refuse('sig.role', 'not signed by its root key alone');
    if (body.continues !== undefined) { // EPOCH-1
      if (position !== 0) refuse('mem.epoch', 'continues, but not in entry 0');
      checkContinues(this.origin, body.continues);
    }
    checkDays(...(body.renew_by ?? []).map(({ by }) => by)); // STATE-14
    for (const { public: publicKey, role } of [{ public: body.root, role: 'root' }, ...body.keys]) {
      const known = this.ofPublic(publicKey);
      if (known === undefined) continue;
      if (known.role !== role) refuse('mem.key', 'a key with another role');
      if (known.until !== null) refuse('mem.key', 'a key that was left out comes back');
    }
    const all = new Set([...this.keys.values()].map((key) => hex(key.public)).concat(named.map(hex)));
    if (all.size > MAX_KEYS || this.records.length >= MAX_RECORDS) refuse('mem.key', 'too many keys or records');
    for (const { key } of body.revoked ?? []) {
      if (!all.has(hex(key)) || key.equals(body.root)) refuse('mem.key', 'a cut of no key of the site, or of the root key');
    }
    checkApprovers(this.origin, body.approvers ?? []);
  }

  // SUCC-4, but for what only the judged log shows.
  checkAppointed(body, position) {
    const bad = (message) => refuse('mem.key', message);
    const { approvals, head, members, path, state, votes = [] } = body.appointed;
    if (!this.isCoordinator || this.records.length === 0) bad('appointed in another log or in its first record');
    try {
      const left = openCheckpoint(head, this.origin, (size) => this.logKeys(size));
      if (left.size !== position) bad('the head is of another size');
      const entry = parseEntry(state);
      const record = parseRecord(entry.record);
      if (record.family !== 'log_state/1' || record.log !== this.origin) bad('the state is none');
      checkInclusion(entry.id, position - 1, position, path, left.root);
      const registrars = this.keysAt('registrar', position - 1);
      for (const { key, signature } of entry.signatures) {
        const registrar = registrars.find(({ id }) => id.equals(key)) ?? bad('the state is not signed by a registrar');
        checkSignature(registrar.public, signedBytes(entry.record), signature);
      }
      if (!Buffer.isBuffer(record.body.members) || !record.body.members.equals(membersDigest(members))) bad('other members');
      const { bodies, voters } = checkVotes([...approvals, ...votes.map((vote) => entryOfVote(vote, members, approvals[0]))], 'anchor', members);
      const [first] = bodies;
      for (const vote of bodies) {
        if (!encode(vote).equals(encode(first))) bad('approvals that differ');
        if (vote.origin !== this.origin || vote.size !== left.size || !vote.root.equals(left.root)) bad('an approval of another head');
        if (vote.successor === undefined || !vote.successor.equals(body.root)) bad('an approval of another key');
        if (Object.keys(vote).sort().join() !== 'origin,root,size,successor,urls') bad('an approval that says more or less');
      }
      if (!enough(voters, members.length) || voters < 2) bad('too few approvals');
    } catch (error) {
      if (error instanceof Refusal) bad(error.message);
      throw error;
    }
    if (members.some(({ root }) => root.equals(body.root))) bad('the root key of a member');
    if ([body.root, ...body.keys.map((key) => key.public)].some((key) => this.ofPublic(key) !== undefined)) bad('a key of before');
  }

  // A record that counts (STATE-4).
  add({ record, id, position }) {
    const { body } = record;
    const named = new Set([body.root, ...body.keys.map((key) => key.public)].map((key) => hex(keyId(key))));
    const until = body.appointed === undefined ? position + 1 : position;
    for (const [name, key] of this.keys) {
      if (key.until === null && !named.has(name)) key.until = until;
    }
    for (const { public: publicKey, role } of [{ public: body.root, role: 'root' }, ...body.keys]) {
      const id32 = keyId(publicKey);
      if (this.keys.has(hex(id32))) continue;
      const since = role === 'root' && this.records.length === 0 ? 0 : position + 1;
      this.keys.set(hex(id32), { id: id32, public: publicKey, role, since, until: null, cuts: [] });
    }
    for (const { key, size } of body.revoked ?? []) this.ofPublic(key).cuts.push({ position, size });
    this.entity ??= record.entity;
    this.records.push({ position, id, body });
  }
}

// KEY-10: follow [[position, entry], ...] from a trusted root key.
export function followKeys(origin, isCoordinator, trustedRoot, list) {
  const untrusted = (message) => refuse('mem.untrusted', message);
  if (list.length === 0 || list[0][0] !== 0) untrusted('the first record is missing');
  if (list.length > MAX_RECORDS) refuse('hos.keys', 'too many records');
  const items = list.map(([position, bytes]) => ({ position, ...parseKeyRecord(bytes, origin) }));
  const trusted = items.findIndex(({ record }) => record.body.root.equals(trustedRoot));
  if (trusted < 0) untrusted('no record by the trusted root key');
  const history = new KeyHistory(origin, isCoordinator);
  for (let i = 1; i <= trusted; i++) {
    if (!(items[i].record.prev?.equals(items[i - 1].id) ?? false)) untrusted('a record does not name the one before');
  }
  items.forEach((item, i) => {
    if (i > 0 && item.position <= items[i - 1].position) refuse('hos.keys', 'positions');
    if (i > trusted) {
      const { root } = item.record.body;
      const follows = root.equals(history.root) || isSuccessor(root, history.latest.body.next_root);
      if (!follows && item.record.body.appointed === undefined) untrusted('a root key that nobody has committed to');
    }
    history.check(item);
    history.add(item);
  });
  return history;
}

// A site_keys entry of a log, signed by the root key that it names.
export function parseKeyRecord(bytes, origin) {
  const entry = parseEntry(bytes);
  const record = parseRecord(entry.record);
  checkBody(record);
  if (record.family !== 'site_keys/1' || record.log !== origin) refuse('mem.untrusted', 'not a key record of this log');
  checkSignatures(entry, [record.body.root]);
  return { ...entry, record };
}

// MEM-4: what a key record of a succession says of root keys; nothing else in its body is read.
function parseSuccessor(bytes, origin) {
  const entry = parseEntry(bytes);
  const { body, family, log } = parseRecord(entry.record);
  const { root, next_root: nextRoot } = body;
  if (family !== 'site_keys/1' || log !== origin || !Buffer.isBuffer(root) || !Buffer.isBuffer(nextRoot)) refuse('mem.key', 'no key record');
  checkSignatures(entry, [root]);
  return { root, nextRoot };
}

// SUCC-1: `members` as [{origin, root}], sorted by origin.
export const membersDigest = (members) => sha256('sopro-members/1\n', encode(members.map(({ origin, root }) => [origin, root])));

// floor(n/2) + 1, all of them where n is below three, and nobody where there is none (MEM-10, SUCC-4).
export const enough = (votes, n) => n > 0 && votes >= (n < 3 ? n : Math.floor(n / 2) + 1);

// The bodies of entries of one family, each of the log of one of `members` and signed by the root key beside it
// alone, and how many of the members these are; or a refusal.
function checkVotes(entries, name, members) {
  const voted = new Set();
  const bodies = entries.map((bytes) => {
    const entry = parseEntry(bytes);
    const record = parseRecord(entry.record);
    if (record.family !== `${name}/1` || !FAMILIES[name].fits(record.body)) refuse('mem.key', `not a ${name} record`);
    const member = members.find(({ origin }) => origin === record.log) ?? refuse('mem.key', 'of no member');
    voted.add(record.log);
    const [signature] = entry.signatures;
    if (entry.signatures.length !== 1 || !signature.key.equals(keyId(member.root)) ||
        !isSignature(member.root, signedBytes(entry.record), signature.signature)) {
      refuse('mem.key', 'not signed by the root key of the member');
    }
    return record.body;
  });
  return { bodies, voters: voted.size };
}

// SUCC-10: the entry that a vote stands for.
function entryOfVote([number, entity, salt, time, signature], members, first) {
  const member = members[number] ?? refuse('mem.key', 'a vote of no member');
  const { body } = parseRecord(parseEntry(first).record);
  const record = encode({ body, entity, family: 'anchor/1', log: member.origin, salt, time, v: 1 });
  return encode([record, [[keyId(member.root), signature]]]);
}

const asMemKey = (check) => {
  try {
    check();
  } catch (error) {
    if (error instanceof Refusal) refuse('mem.key', error.message);
    throw error;
  }
};

// MEM-4: `succession` leads from one root key of a site to another.
export function checkSuccession(origin, before, entries, root) {
  asMemKey(() => {
    const items = entries.map((bytes) => parseSuccessor(bytes, origin));
    if (!items[0].root.equals(before)) refuse('mem.key', 'not signed by the root key before');
    for (let i = 1; i < items.length; i++) {
      if (!items[i].root.equals(items[i - 1].root) && !isSuccessor(items[i].root, items[i - 1].nextRoot)) {
        refuse('mem.key', 'a key that nobody has committed to');
      }
    }
    if (!items[items.length - 1].root.equals(root) || root.equals(before)) refuse('mem.key', 'leads to another root key');
  });
}

// STATE-15: who may approve a new root key of the site of a log.
function checkApprovers(origin, approvers) {
  const rises = approvers.every((site, i) => i === 0 || approvers[i - 1] < site);
  if (!rises || approvers.includes(originParts(origin)?.site)) refuse('mem.key', 'approvers');
}

// MEM-10: the approvers that a key record by the root key before names; of its body nothing else is read.
export function readMandate(bytes, origin, before) {
  let approvers;
  asMemKey(() => {
    const entry = parseEntry(bytes);
    const { body, family, log } = parseRecord(entry.record);
    checkSignatures(entry, [before]);
    const isOfSite = family === 'site_keys/1' && log === origin && Buffer.isBuffer(body.root) && body.root.equals(before);
    if (!isOfSite || body.approvers === undefined || !FAMILIES.site_keys.table.approvers(body.approvers)) refuse('mem.key', 'no mandate');
    checkApprovers(origin, body.approvers);
    approvers = body.approvers;
  });
  return approvers;
}

// MEM-10: `members` are those of n approvers that are admitted, [{origin, root}].
export function checkApprovals(origin, before, entries, root, members, n = members.length) {
  asMemKey(() => {
    const { bodies, voters } = checkVotes(entries, 'key_recovery', members);
    for (const body of bodies) {
      if (!encode(body).equals(encode({ before, origin, root }))) refuse('mem.key', 'an approval of something else');
    }
    if (!enough(voters, n)) refuse('mem.key', 'too few approvals');
  });
}
