// Whole logs: every one judged (VOID), labels followed from log to log (XFER-3 to XFER-6).
import { codeOf, Refusal, refuse } from './refusal.mjs';
import { originParts } from './federation.mjs';
import { judgeLog } from './judge.mjs';
import { takeoverEntity } from './label.mjs';
import { isSameScope } from './scope.mjs';
import { openCheckpoint } from './checkpoint.mjs';
import { followKeys, parseKeyRecord } from './keyhistory.mjs';

// {judges: Map origin -> LogJudge, refused: Map origin -> code} of [{origin, entries, checkpoint}]. `roots` are
// root keys of logs that no membership names.
export function judgeAll(coordinator, root, logs, roots = {}) {
  const judges = new Map();
  const refused = new Map();
  const take = (log, options) => {
    try {
      checkBeginning(log, options.federation);
      const judge = judgeLog({ origin: log.origin, ...options }, log.entries);
      if (log.checkpoint !== undefined) open(judge, log.checkpoint, options.trusted);
      judges.set(log.origin, judge);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.set(log.origin, error.code);
    }
  };
  const own = logs.find(({ origin }) => origin === coordinator);
  if (own !== undefined) take(own, { root, trusted: [root] });
  const federation = judges.get(coordinator)?.federation;
  for (const log of logs) {
    if (log === own) continue;
    const first = federation === undefined ? undefined : federation.rootOfLog(log.origin) ?? roots[log.origin]; // STATE-2
    const leading = federation?.leadingRoots(log.origin) ?? [];
    if (first === undefined) refused.set(log.origin, 'mem.untrusted');
    else take(log, { root: first, federation, trusted: leading.length > 0 ? leading : [first] });
  }
  return { judges, refused };
}

// EPOCH-9: a log that continues another is the one with the entry 0 that its membership names.
function checkBeginning({ origin, entries }, federation) {
  const beginning = federation?.beginningOf(origin);
  if (beginning === undefined || entries.length === 0 || entries[0]?.equals(beginning)) return;
  refuse('mem.epoch', 'begins otherwise than its membership names it');
}

// SYNC-4, SYNC-12: the entries lead to a root that a log key of the judged log has signed, and the root key
// that the membership names, or one that members have replaced since, is one of the log's.
function open(judge, checkpoint, trusted) {
  const { keys } = judge;
  if (judge.isBlocked()) refuse('wdh.state', 'a withhold record that is void'); // WITHHOLD-6
  if (keys.records[0]?.position !== 0) refuse('mem.untrusted', 'entry 0 is no key record that counts'); // STATE-2
  const head = openHead(judge, checkpoint, trusted);
  if (head.size !== judge.size || !head.root.equals(judge.tree.root())) refuse('hos.bundle', 'the entries lead to another root');
  const isKnown = keys.records.some(({ body }) => trusted.some((root) => body.root.equals(root)));
  if (!isKnown && judge.waitsAt === null) refuse('mem.untrusted', 'the root key of the membership has signed no key record');
}

// The history by the first of some root keys that leads to one.
function followFirst(judge, [root, ...others], records) {
  const follow = () => followKeys(judge.origin, judge.isCoordinator, root, records);
  return others.length > 0 && codeOf(follow) !== null ? followFirst(judge, others, records) : follow();
}

// SYNC-12: while entries wait, key records that are not judged yet are a hint.
function openHead(judge, checkpoint, trusted) {
  try {
    return openCheckpoint(checkpoint, judge.origin, (size) => judge.keys.logKeys(size));
  } catch (error) {
    if (error.code !== 'ckp.signature' || judge.waitsAt === null) throw error;
    const records = judge.keys.records.map(({ position }) => [position, judge.entries[position]]);
    judge.entries.forEach((entry, position) => {
      if (position >= judge.waitsAt && codeOf(() => parseKeyRecord(entry, judge.origin)) === null) records.push([position, entry]);
    });
    const history = followFirst(judge, trusted, records);
    return openCheckpoint(checkpoint, judge.origin, (size) => history.logKeys(size));
  }
}

// XFER-3: whether `next`, a label whose first decision takes another over, fits to `label`.
export function fits(label, next) {
  const { body, status, validUntil, suspendedUntil, day } = next.first;
  const { last } = label;
  if (last === undefined || label.undetermined) return false;
  const [origin, index, id] = body.takes;
  if (origin !== label.origin || index !== last.position || !id.equals(last.id)) return false;
  if (body.certificate !== label.first.body.certificate || body.scheme !== label.first.body.scheme) return false;
  const handedOver = last.body.receiver !== undefined;
  if (handedOver) {
    if (last.body.receiver !== originParts(next.origin).site || !last.body.receiver_entity.equals(next.entity)) return false;
  } else if (!next.entity.equals(takeoverEntity(body.takes)) || !['active', 'suspended'].includes(last.status)) return false;
  const stood = handedOver ? label.decisions[label.decisions.length - 2] : last;
  if (stood === undefined) return false;
  if (status !== stood.status || validUntil !== stood.validUntil || suspendedUntil !== stood.suspendedUntil) return false;
  if (!isSameScope(label.scope, body.scope)) return false;
  return label.decisions.every((decision) => decision.day <= day);
}

const taken = (label) => label.first?.body.takes !== undefined;

// XFER-4: the logs a label was in, one after another.
export class Course {
  constructor(stages) {
    this.stages = stages;
  }

  stageOn(day) {
    const later = this.stages.slice(1).filter((label) => label.first.day <= day);
    return later[later.length - 1] ?? this.stages[0];
  }

  siteOn(day) {
    return originParts(this.stageOn(day).origin).site;
  }

  statusOn(day) {
    const label = this.stageOn(day);
    return label.undetermined ? 'undetermined' : label.statusOn(day);
  }

  // OVL-11, ASK-8: since when it is on record what holds on a day; an undetermined label has no words over it (OVL-1).
  onRecord(day) {
    const stages = [this.stages[0], ...this.stages.slice(1).filter((label) => label.first.day <= day)];
    const recorded = stages.flatMap((label) => label.recordedBy(day));
    const since = recorded.map((one) => one.recorded).sort().pop();
    return {
      recorded_late: !this.stageOn(day).undetermined && recorded.some(({ late }) => late),
      ...(since === undefined ? {} : { on_record: since }),
    };
  }

  get decisions() {
    return this.stages.reduce((sum, label) => sum + label.decisions.length, 0);
  }
}

export function courseOf(judges, start) {
  const stages = [start];
  for (;;) {
    const label = stages[stages.length - 1];
    const successors = [];
    for (const judge of judges.values()) {
      for (const next of judge.labels.values()) {
        if (taken(next) && !stages.includes(next) && fits(label, next)) successors.push(next);
      }
    }
    if (successors.length === 0) return new Course(stages);
    successors.sort((a, b) => a.first.acted - b.first.acted || (a.origin < b.origin ? -1 : 1));
    stages.push(successors[0]);
  }
}

// The answer of the adapter's kind `logs`.
export function describe(judges, refused, coordinator, day) {
  const answer = { logs: {}, labels: {}, members: {}, refused: Object.fromEntries(refused) };
  for (const [origin, judge] of judges) {
    answer.logs[origin] = describeLog(judge);
    for (const label of judge.labels.values()) {
      const number = label.first?.body.certificate;
      if (number === undefined || taken(label)) continue; // a half that does not fit is not counted (XFER-5)
      const course = courseOf(judges, label);
      answer.labels[number] = { status: course.statusOn(day), site: course.siteOn(day), decisions: course.decisions, ...course.onRecord(day) };
    }
  }
  const federation = judges.get(coordinator)?.federation;
  if (federation !== undefined) answer.members = describeMembers(federation);
  return answer;
}

export function describeLog(judge) {
  const voids = judge.verdicts.flatMap(({ code }, index) => (code === undefined ? [] : [[index, code]]));
  return { void: Object.fromEntries(voids), ...(judge.waitsAt === null ? {} : { waits_at: judge.waitsAt }) };
}

export const describeMembers = (federation) =>
  Object.fromEntries(federation.sites().map((site) => [site, federation.membership(site).status]));

