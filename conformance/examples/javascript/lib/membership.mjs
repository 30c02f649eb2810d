// MEM, EPOCH and WIT-11: what a record about members says and may say. Rules refuse; `apply` is called for
// what counts.
import { Refusal, refuse } from './refusal.mjs';
import { checkPublicKey, keyId } from './keys.mjs';
import { checkDays } from './dates.mjs';
import { originParts } from './federation.mjs';
import { encode } from './encoding.mjs';
import { FAMILIES } from './families.mjs';
import { checkApprovals, checkContinues, checkSuccession, parseKeyRecord, readMandate } from './keyhistory.mjs';

const MAX_MEMBERS = 128; // MEM-13
const NEXT = { // MEM-2
  none: ['applicant', 'admitted'],
  applicant: ['applicant', 'admitted', 'left'],
  admitted: ['admitted', 'suspended', 'left', 'expelled'],
  suspended: ['suspended', 'admitted', 'left', 'expelled'],
  left: ['applicant'],
  expelled: [],
};

// EPOCH-2: entry 0 of a log that begins an epoch; gives where the log before ends.
export function checkEpoch(origin, root, entry) {
  try {
    const { record, signatures } = parseKeyRecord(entry, origin);
    if (!record.body.root.equals(root) || !signatures[0].key.equals(keyId(root))) refuse('mem.epoch', 'another root key');
    if (record.body.continues === undefined) refuse('mem.epoch', 'continues nothing');
    checkContinues(origin, record.body.continues);
    return record.body.continues;
  } catch (error) {
    if (error instanceof Refusal) refuse('mem.epoch', error.message);
    throw error;
  }
}

export const siteMembership = {
  check(log, { body, record, position }) {
    const { federation } = log;
    const records = log.recordsOn(record.entity);
    const before = records[records.length - 1]?.body;
    checkDays(body.effective_date, body.conformance_until); // MEM-1, MEM-12
    if (!NEXT[before?.status ?? 'none'].includes(body.status) && !settles(before, body)) refuse('mem.status', `${before?.status} to ${body.status}`);
    const all = federation.all('members', '', position);
    const ofOthers = before === undefined ? all : all.filter((other) => other.body.site !== before.site);
    if (before === undefined) checkFirst(log, body, ofOthers.map((other) => other.body)); // MEM-3
    else checkLater(body, before, all.map((other) => other.body), () => federation.admitted(position)); // MEM-4
    if (body.epoch !== undefined && (before === undefined || before.origin === body.origin)) refuse('mem.epoch', 'no new origin'); // EPOCH-2
    checkEnds(log, body, before, position); // MEM-7
    const joins = body.status === 'admitted' && before?.status !== 'admitted'; // MEM-13
    if (joins && federation.admitted(position).length >= MAX_MEMBERS) refuse('mem.full', 'as many are admitted as may be');
  },
  apply: (log, { body, position }) => log.federation.addMembership(position, body),
};

// MEM-14: whether a record only abandons heads of a site that has gone.
function settles(before, body) {
  if (!['left', 'expelled'].includes(before?.status) || body.abandoned === undefined) return false;
  const free = ['abandoned', 'approvals', 'mandate', 'succession'];
  const said = (one) => encode(Object.fromEntries(
    Object.keys(FAMILIES.site_membership.table).filter((name) => !free.includes(name) && one[name] !== undefined).map((name) => [name, one[name]]),
  ));
  return said(before).equals(said(body));
}

function checkFirst(log, body, others) {
  const own = originParts(body.origin);
  const { federation } = originParts(log.origin) ?? {};
  if (own === null || own.federation !== federation || own.site !== body.site) refuse('mem.name', 'origin');
  checkPublicKey(body.root);
  if (others.some(({ site, prefix }) => site === body.site || prefix === body.prefix)) refuse('mem.name', 'site or prefix of another');
  if (others.some(({ root }) => root.equals(body.root))) refuse('mem.key', 'root key of another');
}

function checkLater(body, before, all, admitted) {
  if (body.site !== before.site || body.prefix !== before.prefix) refuse('mem.name', 'site or prefix changed');
  if (body.origin !== before.origin) {
    checkNewLog(body, before);
    return;
  }
  if (body.root.equals(before.root)) return; // by which way is looked at where it is new only
  const ways = [body.succession, body.approvals].filter((way) => way !== undefined).length;
  if (ways !== 1) refuse('mem.key', 'a new root key by no way, or by two');
  if (all.some(({ root }) => root.equals(body.root))) refuse('mem.key', 'a root key that a record has named');
  if (body.succession !== undefined) checkSuccession(body.origin, before.root, body.succession, body.root);
  else checkApproved(body, before, admitted()); // MEM-10
}

function checkApproved(body, before, admitted) {
  if (body.mandate === undefined) refuse('mem.key', 'nobody is named who may approve');
  const approvers = readMandate(body.mandate, body.origin, before.root);
  const may = admitted.filter(({ site }) => approvers.includes(site));
  checkApprovals(body.origin, before.root, body.approvals, body.root, may, approvers.length);
}

// EPOCH-2
function checkNewLog(body, before) {
  if (body.epoch === undefined) refuse('mem.key', 'another log');
  if (!body.root.equals(before.root)) refuse('mem.key', 'a new log and a new root key at once');
  const continues = checkEpoch(body.origin, before.root, body.epoch);
  const fits = continues.origin === before.origin && body.ends?.origin === before.origin && body.ends.size === continues.size;
  if (!fits) refuse('mem.epoch', 'the log before ends elsewhere');
  if (before.status !== 'admitted' || body.status !== 'admitted') refuse('mem.epoch', 'not admitted before and after');
}

function checkEnds(log, body, before, position) {
  if (body.ends === undefined) return;
  const closes = body.epoch !== undefined && before !== undefined && body.origin !== before.origin;
  if (!['suspended', 'left', 'expelled'].includes(body.status) && !closes) refuse('mem.end', 'nothing ends');
  if (body.ends.origin !== (closes ? before.origin : body.origin)) refuse('mem.end', 'the end of another log');
  const earlier = log.federation.all('ends', body.ends.origin, position);
  if (earlier.some((end) => end.body.size > body.ends.size)) refuse('mem.end', 'an end below an earlier one');
}

// MEM-11
export const keyRecovery = {
  check(log, { body, record }) {
    if (log.recordsOn(record.entity).length > 0 || body.origin === log.origin) refuse('mem.key', 'again, or about its own log');
    checkPublicKey(body.root);
  },
};

// WIT-11
export const witnessPolicy = {
  check(log, { body, record, position }) {
    const bad = (message) => refuse('wit.policy', message);
    const [first] = log.federation.all('policy', '');
    if (first !== undefined && !first.body.entity.equals(record.entity)) bad('another entity');
    if (new Set(body.witnesses).size !== body.witnesses.length) bad('a site twice');
    const own = originParts(log.origin)?.site;
    if (!body.witnesses.every((site) => site === own || log.federation.membership(site, position) !== undefined)) bad('nobody known');
    const quorum = body.quorum ?? Math.floor((body.witnesses.length + body.faulty) / 2) + 1; // WIT-12
    if (quorum > body.witnesses.length) bad('quorum too large');
  },
  apply: (log, { body, record, position }) => log.federation.put('policy', '', position, { ...body, entity: record.entity }),
};
