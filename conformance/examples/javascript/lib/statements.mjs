// The families in which a log speaks about itself: site_keys, log_state, anchor, erasure, conformance_statement
// (STATE, ANCHOR, ERASE, CONF).
import { originParts } from './federation.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { checkPublicKey } from './keys.mjs';
import { membersDigest } from './keyhistory.mjs';
import { openCheckpoint } from './checkpoint.mjs';
import { hex } from './bytes.mjs';
import { addMonths, checkDays, dayAt } from './dates.mjs';
import { parseEvidence } from './evidence.mjs';

// Thrown where an entry names a head of the coordinator that is not held yet (VOID-16).
export class Waiting extends Error {}

export const siteKeys = {
  check(log, item) {
    const { body } = item.record;
    log.keys.check(item); // STATE-3, STATE-12, STATE-14, EPOCH-1, SUCC-4
    if (body.appointed !== undefined) { // SUCC-4: what only the judged log shows
      const head = openCheckpoint(body.appointed.head, log.origin, (size) => log.keys.logKeys(size));
      if (!head.root.equals(log.tree.root(item.position)) || log.lastStatePosition !== item.position - 1) {
        refuse('mem.key', 'the head is not that of the entries before');
      }
    }
  },
  apply: (log, item) => log.keys.add(item),
};

export const logState = {
  check(log, { body }) {
    if (body.certificates !== log.grants) refuse('sta.certificates', `${body.certificates} for ${log.grants}`); // STATE-7
    if (!body.keys.equals(log.keys.latest.id)) refuse('sta.keys', 'another key record');
    checkHead(log, body.coordinator); // STATE-8
    if (body.members !== undefined) { // SUCC-1
      if (!log.isCoordinator || !body.members.equals(membersOf(log.federation, log.view))) refuse('sta.members', 'another digest');
    }
    if (body.status_root === undefined ? log.statesStatus : !log.isUndetermined() && !body.status_root.equals(log.status.root())) {
      refuse('sta.status', 'another status root, or none'); // STATE-10
    }
    if ((body.withheld ?? 0) !== log.withholdings.size) refuse('sta.withheld', 'another number'); // WITHHOLD-7
  },
  apply(log, { body, position }) {
    log.lastStatePosition = position;
    if (body.coordinator !== undefined) log.acted = body.coordinator.size;
    if (body.status_root !== undefined) log.statesStatus = true;
  },
};

export const membersOf = (federation, size) => {
  const members = federation.admitted(size).map(({ origin, root }) => ({ origin, root }));
  return membersDigest(members.sort((a, b) => (a.origin < b.origin ? -1 : 1)));
};

// STATE-8, VOID-16
function checkHead(log, head) {
  const bad = (message) => refuse('sta.coordinator', message);
  if (log.isCoordinator) {
    if (head !== undefined) bad('a head in the log of the coordinator');
    return;
  }
  if (head === undefined) {
    if (log.acted !== null) bad('no head any more');
    return;
  }
  if (head.size < (log.acted ?? 0)) bad('the size falls');
  if (head.size > log.federation.size) throw new Waiting();
  if (!head.root.equals(log.federation.rootAt(head.size))) bad('another root');
}

// ANCHOR-1, ANCHOR-2, SUCC-2
export const anchor = {
  check(log, { body, record }) {
    const evidence = (message) => refuse('anc.evidence', message);
    if (body.origin === log.origin) refuse('anc.log', 'about its own log');
    if (body.successor === undefined) {
      if (body.evidence === undefined || body.urls !== undefined) evidence('neither evidence nor a successor');
      checkAnchorEvidence(body);
    } else {
      if (body.evidence !== undefined || body.leaves !== undefined || body.urls === undefined) evidence('a successor with evidence or without urls');
    }
    if (body.successor !== undefined) checkPublicKey(body.successor);
    if (log.recordsOn(record.entity).length > 0 || log.anchored.has(subjectOf(body))) refuse('anc.again', 'decided already');
  },
  apply: (log, { body }) => log.anchored.add(subjectOf(body)),
};

// ANCHOR-2, SUCC-2: which history holds, and who goes on, are decided each by itself.
const subjectOf = ({ origin, size, successor }) => `${origin} ${size} ${successor === undefined ? 'history' : 'successor'}`;

export function checkAnchorEvidence(body) {
  const evidence = (message) => refuse('anc.evidence', message);
  let file;
  try {
    file = parseEvidence(body.evidence);
  } catch (error) {
    if (error instanceof Refusal) evidence(error.message);
    throw error;
  }
  if (file.origin !== body.origin || file.size !== body.size) evidence('evidence about something else');
  if (!file.heads.some(({ root }) => root.equals(body.root))) evidence('the root of neither head');
}

// ERASE-1
export const erasure = {
  check(log, { body, record, position }) {
    checkDays(body.deadline);
    if (log.recordsOn(record.entity).length > 0) refuse('era.again', 'a second record');
    if (body.index >= position) refuse('era.index', 'not an earlier record');
    if (log.erased.has(`${body.index} ${body.document}`)) refuse('era.again', 'erased already');
  },
  apply: (log, { body }) => log.erased.add(`${body.index} ${body.document}`),
};

// ERASE-7
export const orphanErasure = {
  check(log, { body, record }) {
    const size = log.view;
    const site = originParts(body.origin)?.site;
    checkDays(body.deadline);
    if (log.recordsOn(record.entity).length > 0) refuse('era.again', 'a second record');
    if (!log.federation.logsOf(site, size).includes(body.origin) || log.federation.caretaker(site, size) !== log.site) {
      refuse('era.caretaker', 'not the log of a site that this one looks after');
    }
    if (log.erased.has(orphanOf(body))) refuse('era.again', 'erased already');
    if (body.index >= log.federation.endWhileAway(body.origin, size)) refuse('era.index', 'beyond the end of that log');
  },
  apply: (log, { body }) => log.erased.add(orphanOf(body)),
};

const orphanOf = ({ origin, index, document }) => `${origin} ${index} ${document}`;

// CONF-1, CONF-2
export const conformanceStatement = {
  check(log, { body, record }) {
    const form = (message) => refuse('conf.form', message);
    checkDays(body.valid_until);
    if (log.recordsOn(record.entity).length > 0 || log.challenges.has(hex(body.nonce))) refuse('conf.again', 'answered already');
    if (!isAscending(body.profiles)) form('profiles out of order');
    const waived = (body.waivers ?? []).map((one) => one.case);
    if (!isAscending(waived) || waived.length !== body.counts.waived) form('other waivers than counted');
    if (body.ended < body.began) refuse('conf.dates', 'ended before it began');
    const last = addMonths(dayAt(body.ended, 14), 12);
    if (body.valid_until < dayAt(body.ended, -12) || body.valid_until > last) refuse('conf.dates', `not up to ${last}`);
  },
  apply: (log, { body }) => log.challenges.add(hex(body.nonce)),
};

const isAscending = (list) => list.every((one, i) => i === 0 || list[i - 1] < one);

export const nothing = { check: () => {} };
