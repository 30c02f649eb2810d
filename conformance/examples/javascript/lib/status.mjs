// STATUS: the status tree and its leaves.
import { decode, encode } from './encoding.mjs';
import { sha256 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { array, bytes, certificateNumber, civilDate, map, oneOf, optional } from './fields.mjs';
import { addDays, dayAt, isDay, UNKNOWN } from './dates.mjs';
import { checkInclusion, Tree } from './tree.mjs';

const LEAF_LIMIT = 4096; // STATUS-4
const MAX_PENDING = 16;

// STATUS-1
export const statusLeafHash = (leaf) => sha256(Buffer.from([0]), 'sopro-status/1\n', leaf);

// STATUS-2
export const checkStatus = (leaf, index, size, proof, root) => checkInclusion(statusLeafHash(leaf), index, size, proof, root);

// STATUS-3: the leaves by index.
export class StatusTree {
  constructor() {
    this.tree = new Tree();
  }

  put(index, leaf) {
    if (!Number.isInteger(index) || index < 0 || index > this.tree.size) refuse('proof.format', 'a gap in the status tree');
    if (index === this.tree.size) this.tree.append(statusLeafHash(leaf));
    else this.tree.set(index, statusLeafHash(leaf));
  }

  root() {
    return this.tree.root();
  }
}

const state = oneOf('none', 'active', 'suspended', 'revoked', 'terminated', 'transferred', 'refused');
const leafTable = {
  answers_until: optional(civilDate),
  certificate: certificateNumber,
  decision: bytes(32),
  pending: optional(array(1, MAX_PENDING, map({
    since: civilDate, state, suspended_until: optional(civilDate), valid_until: optional(civilDate),
  }))),
  since: optional(civilDate),
  state,
  suspended_until: optional(civilDate),
  valid_until: optional(civilDate),
};
const leafForm = map(leafTable);
const pendingNames = ['since', 'state', 'suspended_until', 'valid_until'];

// STATUS-4
export function parseLeaf(input) {
  const bad = (message) => refuse('sta.leaf', message);
  const leaf = decode(input, LEAF_LIMIT);
  if (!leafForm(leaf) || !Object.keys(leaf).every((name) => name in leafTable)) bad('not a leaf');
  const pending = leaf.pending ?? [];
  if (!pending.every((item) => Object.keys(item).every((name) => pendingNames.includes(name)))) bad('another field');
  const days = [leaf, ...pending].flatMap((item) => [item.since, item.suspended_until, item.valid_until, item.answers_until]);
  if (!days.every((day) => day === undefined || isDay(day))) bad('a day that is none');
  const rising = [leaf.since, ...pending.map(({ since }) => since)].filter((day) => day !== undefined);
  if (rising.some((day, i) => i > 0 && day <= rising[i - 1])) bad('days that do not rise');
  return leaf;
}

const known = (day) => (day === UNKNOWN || day === null ? undefined : day);

// STATUS-5, STATUS-6: `decisions` are {day, status, validUntil, suspendedUntil} in the order of the log.
export function leafOf({ certificate, decision, time, decisions }) {
  const today = dayAt(time, -12);
  let standing = -1;
  decisions.forEach(({ day }, i) => {
    if (day <= today) standing = i;
  });
  const stands = decisions[standing];
  const behind = decisions.slice(standing + 1);
  const comes = behind.filter(({ day }, i) => !behind.slice(i + 1).some((other) => other.day <= day));
  const pending = comes.slice(0, MAX_PENDING).map((item) => ({
    since: item.day,
    state: item.status,
    suspended_until: known(item.suspendedUntil),
    valid_until: known(item.validUntil),
  }));
  return encode({
    answers_until: comes.length > MAX_PENDING ? addDays(comes[MAX_PENDING].day, -1) : undefined,
    certificate,
    decision,
    pending: pending.length === 0 ? undefined : pending,
    since: stands === undefined ? undefined : known(stands.day),
    state: stands === undefined ? 'none' : stands.status,
    suspended_until: stands === undefined ? undefined : known(stands.suspendedUntil),
    valid_until: stands === undefined ? undefined : known(stands.validUntil),
  });
}

// STATUS-7: the status on a day, or null where the leaf says nothing of it.
export function statusOn(leaf, day) {
  if ((leaf.since ?? UNKNOWN) > day || (leaf.answers_until !== undefined && day > leaf.answers_until)) return null;
  const last = [leaf, ...(leaf.pending ?? [])].filter(({ since }) => (since ?? UNKNOWN) <= day).pop();
  const expires = last.state === 'active' || last.state === 'suspended';
  return expires && last.valid_until !== undefined && day > last.valid_until ? 'expired' : last.state;
}
