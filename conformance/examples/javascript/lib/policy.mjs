// WIT-15, WIT-16: the witness policy as text, and its quorum.
import { utf8 } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { COSIGNATURE, ED25519, parseVerifierKey } from './keys.mjs';
import { parseNote } from './note.mjs';
import { parseCheckpoint } from './checkpoint.mjs';
import { cosignatureTime, lineOf } from './cosignature.mjs';

const MAX_BYTES = 262144;
const MAX_LINES = 2048;

const bad = (message) => refuse('wit.policy-text', message);

// {witnesses: Map name -> verifier key, groups: Map name -> {least, members}, quorum: name or 'none'}
export function parsePolicy(bytes) {
  if (bytes.length > MAX_BYTES) bad('too long');
  for (const byte of bytes) {
    if (!(byte === 0x09 || byte === 0x0a || (byte >= 0x20 && byte <= 0x7e) || byte >= 0x80)) bad('control character');
  }
  const lines = bytes.toString('latin1').split('\n'); // bytes above 0x7f need not be UTF-8
  if (lines.length > MAX_LINES + 1) bad('too many lines');
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: undefined };
  const keys = new Set();
  const grouped = new Set();

  const newKey = (text, type) => {
    const key = parseVerifierKey(utf8(Buffer.from(text, 'latin1'), 'sig.key'));
    if (key.type !== type) bad('a key of another type');
    if (keys.has(key.public.toString('hex'))) bad('a public key twice');
    keys.add(key.public.toString('hex'));
    return key;
  };
  const isKnown = (name) => policy.witnesses.has(name) || policy.groups.has(name);
  const newName = (name) => {
    if (name === 'none' || isKnown(name)) bad(`the name ${name} is taken`);
  };

  for (const line of lines) {
    const fields = line.split(/[ \t]+/).filter((field) => field !== '');
    if (fields.length === 0 || fields[0].startsWith('#')) continue;
    const [word, ...rest] = fields;
    if (word === 'log' && (rest.length === 1 || rest.length === 2)) {
      policy.logs.push(newKey(rest[0], ED25519));
    } else if (word === 'witness' && (rest.length === 2 || rest.length === 3)) {
      newName(rest[0]);
      policy.witnesses.set(rest[0], newKey(rest[1], COSIGNATURE));
    } else if (word === 'group' && rest.length >= 3) {
      const [name, threshold, ...members] = rest;
      newName(name);
      for (const member of members) {
        if (!isKnown(member)) bad(`${member} is not known yet`);
        if (grouped.has(member)) bad(`${member} is in a group already`);
        grouped.add(member);
      }
      policy.groups.set(name, { least: leastOf(threshold, members.length), members });
    } else if (word === 'quorum' && rest.length === 1) {
      if (policy.quorum !== undefined) bad('two quorums');
      if (rest[0] !== 'none' && !isKnown(rest[0])) bad(`${rest[0]} is not known`);
      policy.quorum = rest[0];
    } else bad(`line ${fields.join(' ')}`);
  }
  if (policy.quorum === undefined) bad('no quorum');
  return policy;
}

function leastOf(threshold, members) {
  if (threshold === 'all') return members;
  if (threshold === 'any') return 1;
  if (!/^[1-9][0-9]{0,3}$/.test(threshold) || Number(threshold) > members) bad('threshold');
  return Number(threshold);
}

// WIT-16: the times by witness, the earliest and the median, or a refusal. `latest` is the last time that
// may count (WIT-14).
export function checkQuorum(policy, bytes, latest = Infinity) {
  const note = parseNote(bytes);
  parseCheckpoint(note.text);
  const times = new Map();
  for (const [name, key] of policy.witnesses) {
    const line = lineOf(note, key);
    if (line === undefined) continue;
    try {
      const time = cosignatureTime(line, note.text, key);
      if (time <= latest) times.set(name, time);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error; // a line that fails counts for nothing
    }
  }
  const isMet = (name) => {
    const group = policy.groups.get(name);
    return group === undefined ? times.has(name) : group.members.filter(isMet).length >= group.least;
  };
  if (policy.quorum !== 'none' && !isMet(policy.quorum)) refuse('ckp.quorum', 'no quorum of cosignatures');
  const sorted = [...times.values()].sort((a, b) => a - b);
  return {
    times: Object.fromEntries(times),
    cosigned: times.size,
    earliest: sorted[0] ?? null,
    median: sorted[Math.floor((sorted.length - 1) / 2)] ?? null, // of an even number the lower one
  };
}
