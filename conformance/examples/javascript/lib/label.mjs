// LBL-5 to LBL-20, EPOCH-6, XFER-1, XFER-2: organisations, offerings and decisions on labels.
import { encode } from './encoding.mjs';
import { hex, sha256 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { addDays, addMonths, dayAt, LAST_DAY, later, UNKNOWN } from './dates.mjs';
import { originParts } from './federation.mjs';
import { checkDays } from './dates.mjs';
import { checkDecisionBasis } from './assessment.mjs';
import { leafOf } from './status.mjs';
import { itemOf } from './gtin.mjs';
import { checkCorrected, checkRefused, checkScope } from './scope.mjs';

// LBL-13: status -> action -> status that follows; '=' is the status it had before it expired (LBL-14).
const ASSESSED = {
  none: { grant: 'active', refuse: 'refused', transfer_in: 'active' },
  active: {
    renew: 'active', extend_scope: 'active', reduce_scope: 'active', suspend: 'suspended', revoke: 'revoked',
    terminate_on_request: 'terminated', transfer_out: 'transferred', correct: 'active',
  },
  suspended: {
    renew: 'suspended', reinstate: 'active', revoke: 'revoked', terminate_on_request: 'terminated',
    transfer_out: 'transferred', correct: 'suspended',
  },
  expired: { renew: '=', correct: '=' },
  revoked: { correct: 'revoked' },
  terminated: { correct: 'terminated' },
  refused: { correct: 'refused' },
  transferred: {},
};
const AGAIN = { reinstate: 'active', revoke: 'revoked', terminate_on_request: 'terminated' };
const IMPORTED = { suspended: { suspend: 'suspended' }, expired: AGAIN, revoked: AGAIN, terminated: AGAIN };

// One label of one log: the decisions on it that count.
export class Label {
  constructor(origin, entity) {
    this.origin = origin;
    this.entity = entity;
    this.decisions = []; // {position, id, body, day, status, validUntil, suspendedUntil, acted, time}
    this.undetermined = false; // REC-13
    this.statusIndex = null;
    this.earlier = []; // XFER-8: what it was in this log before it left and came back, the last first
  }

  get first() {
    return this.decisions[0];
  }

  get last() {
    return this.decisions[this.decisions.length - 1];
  }

  // LBL-23: the last that was stated; nothing where the label holds for the whole offering.
  get scope() {
    return this.decisions.findLast(({ body }) => body.scope !== undefined)?.body.scope;
  }

  // LBL-10, LBL-11: the last decision in the order of the log that holds on or before a day.
  standing(day) {
    return this.decisions.filter((decision) => decision.day <= day).pop();
  }

  statusOn(day) {
    return statusOf(this.standing(day), day);
  }

  // OVL-11: the decisions that hold by a day, each with the day of its record.
  recordedBy(day) {
    return this.decisions.filter((decision) => decision.day <= day).map(({ body, day: held, time }) => {
      const recorded = dayAt(time, 0);
      return { recorded, late: body.basis !== 'imported' && recorded > day && recorded > addDays(held, 31) };
    });
  }

  // LBL-10 to LBL-14, STATUS-6: what a decision leaves, or a refusal [lbl.transition].
  outcome(body) {
    const imported = body.basis === 'imported';
    const day = body.effective_date ?? (imported ? this.last?.day ?? UNKNOWN : UNKNOWN);
    const start = imported ? this.last : this.standing(day);
    const from = statusOf(start, imported && start !== undefined ? later(day, start.day) : day);
    let status = ASSESSED[from][body.action] ?? (imported ? IMPORTED[from]?.[body.action] : undefined);
    if (status === undefined) refuse('lbl.transition', `${body.action} of a label that is ${from}`);
    if (status === '=') status = start.status;
    if (body.takes !== undefined) status = body.standing;
    const found = start?.validUntil ?? null;
    let validUntil = body.valid_until ?? found;
    if (body.valid_until === undefined) {
      const leavesNone = ['grant', 'renew', 'transfer_in'].includes(body.action);
      const after = body.action === 'reinstate' && found !== null && day > found;
      if (leavesNone || after) validUntil = null;
    }
    let suspendedUntil = null;
    if (status === 'suspended') {
      suspendedUntil = body.suspended_until ?? (body.action === 'suspend' ? null : start?.suspendedUntil ?? null);
    }
    return { day, status, validUntil, suspendedUntil, from, start };
  }

  // STATUS-5
  leaf() {
    return leafOf({ certificate: this.first.body.certificate, decision: this.last.id, time: this.last.time, decisions: this.decisions });
  }
}

function statusOf(decision, day) {
  if (decision === undefined) return 'none';
  const expires = decision.status === 'active' || decision.status === 'suspended';
  return expires && decision.validUntil !== null && day > decision.validUntil ? 'expired' : decision.status;
}

export const isGrant = (body) => body.action === 'grant' || body.takes !== undefined; // LBL-18

// XFER-2: the entity of a label that nobody has handed over.
export const takeoverEntity = (takes) => sha256('sopro-takeover/1\n', encode(takes)).subarray(0, 16);

export const organisation = { check: (log, { body }) => checkDays(body.effective_date) };

export const offering = {
  check(log, { body, record }) {
    checkDays(body.effective_date);
    if (!log.has('organisation', body.organisation)) refuse('lbl.reference', 'no such organisation');
    const before = log.recordsOn(record.entity).at(-1)?.body; // LBL-6
    if (before === undefined) return;
    const moved = !(body.kind === before.kind && body.organisation.equals(before.organisation));
    const asked = log.asked.has(hex(record.entity));
    if (moved && (log.importClosed || asked)) refuse('lbl.reference', 'another organisation or kind than was asked for');
    const fixed = asked || (log.importClosed && !log.newOfferings.has(hex(record.entity))); // LBL-31
    if (fixed && itemOf(body) !== itemOf(before) && !isToBeAssessed(log, body.application, record.entity)) {
      refuse('lbl.reference', 'another trade item number than was asked for');
    }
  },
  apply(log, { record }) {
    if (log.importClosed && log.recordsOn(record.entity).length === 0) log.newOfferings.add(hex(record.entity));
  },
};

// LBL-31: an application for the offering that is accepted, not decided and not evaluated.
function isToBeAssessed(log, application, offering) {
  if (application === undefined || log.decided.has(hex(application)) || log.parts.of(application).length > 0) return false;
  const { body } = log.recordsOn(application).at(-1) ?? {};
  return body?.step === 'accepted' && body.offering.equals(offering);
}

export const DATES = ['appeal_until', 'decided_on', 'effective_date', 'refused_on', 'suspended_until', 'valid_from', 'valid_until'];

export const labelDecision = {
  check(log, item) {
    const { body, record } = item;
    const label = log.labels.get(hex(record.entity)) ?? new Label(log.origin, record.entity);
    if (label.first === undefined) label.earlier = earlierOf(log, body);
    checkDays(...DATES.map((name) => body[name])); // LBL-7
    checkFields(body, label); // LBL-8, LBL-9
    const outcome = label.outcome(body); // LBL-10 to LBL-14
    checkDates(log, body, label, outcome, record.time); // LBL-15 to LBL-17
    if (label.first === undefined) checkFirst(log, body, record.entity); // LBL-18
    else checkLater(body, label); // LBL-19
    checkThere(log, body, label); // LBL-30
    checkScope(body, label.scope, label.decisions); // LBL-23
    checkCorrected(body, label.decisions); // LBL-24
    checkMended(log, body, label, outcome); // LBL-26
    checkRefused(log, body, label.decisions); // LBL-28
    checkDecisionBasis(log, item, label); // ASS-14 to ASS-19
    checkReceiver(log, body); // LBL-19
    if (body.status_index !== undefined && body.status_index !== log.grants) refuse('lbl.precondition', 'LBL-20');
  },

  apply(log, { body, record, position, id }) {
    const name = hex(record.entity);
    if (!log.labels.has(name)) log.labels.set(name, new Label(log.origin, record.entity));
    const label = log.labels.get(name);
    if (label.first === undefined) label.earlier = earlierOf(log, body);
    if (body.receiver !== undefined) log.left.set(body.certificate, label); // XFER-8
    const outcome = label.outcome(body);
    if (label.first === undefined && body.certificate !== undefined && body.takes === undefined) log.numbers.add(body.certificate);
    label.decisions.push({ position, id, body, time: record.time, acted: log.acted, ...outcome });
    if (body.takes !== undefined) log.asked.add(hex(body.offering)); // LBL-6
    if (isGrant(body)) label.statusIndex = log.grants++;
    if (label.statusIndex !== null) log.status.put(label.statusIndex, label.leaf());
    if (body.application !== undefined) log.decided.add(hex(body.application)); // ASS-14
  },
};

// XFER-8
function earlierOf(log, { certificate, takes }) {
  const before = takes === undefined ? undefined : log.left.get(certificate);
  if (before === undefined) return [];
  if (before.earlier.length >= 64) refuse('lbl.competence', 'has come back too often');
  return [before, ...before.earlier];
}

// LBL-8, LBL-9
export function checkFields(body, label) {
  const bad = (message) => refuse('lbl.precondition', message);
  const { action, takes } = body;
  const assessed = body.basis === 'assessed';
  const needed = [];
  const numberless = label.first !== undefined && label.first.body.certificate === undefined;
  if (action !== 'refuse' && !numberless) needed.push('certificate');
  if (['grant', 'refuse', 'transfer_in'].includes(action)) needed.push('offering', 'scheme');
  if (action === 'grant' || takes !== undefined) needed.push('status_index');
  if (assessed) {
    needed.push('decided_on', 'decider', 'effective_date');
    if (['grant', 'renew'].includes(action) || (action === 'transfer_in' && takes === undefined)) needed.push('valid_from', 'valid_until');
    if (takes !== undefined) needed.push('standing');
    if (['suspend', 'reduce_scope', 'refuse', 'revoke', 'terminate_on_request'].includes(action)) needed.push('reason_code');
    if (action === 'suspend') needed.push('suspended_until');
    if (action === 'revoke') needed.push('appeal_until');
    if (action === 'transfer_out') needed.push('receiver', 'receiver_entity');
  }
  for (const name of needed) if (!(name in body)) bad(`${name} is missing`);
  if ('status_index' in body && !isGrant(body)) bad('status_index');
  if ('receiver' in body !== 'receiver_entity' in body) bad('receiver without receiver_entity');
  if ('receiver' in body && !(assessed && action === 'transfer_out')) bad('receiver');
  if (takes !== undefined && !(assessed && action === 'transfer_in')) bad('takes');
  if ('standing' in body && takes === undefined) bad('standing');
  if ('refused_on' in body && !(assessed && action === 'correct' && 'corrects' in body)) bad('refused_on'); // LBL-28
  const mayBeValid = ['grant', 'renew', 'transfer_in'].includes(action) || (!assessed && action === 'reinstate');
  const mends = assessed && action === 'correct' && body.corrects !== undefined && !('valid_from' in body); // LBL-26
  if (('valid_from' in body || 'valid_until' in body) && !mayBeValid && !mends) bad('valid_from or valid_until');
}

const schemeOf = (body, label) => label.first?.body.scheme ?? body.scheme;

// LBL-15 to LBL-17, of assessed decisions
function checkDates(log, body, label, outcome, time) {
  if (body.basis !== 'assessed') return;
  checkOrder(body, label, outcome, time);
  checkScheme(log, body, label, outcome);
}

const givesValidity = ({ action, takes }) => ['grant', 'renew'].includes(action) || (action === 'transfer_in' && takes === undefined);

function latestBegin({ action }, day, start) {
  if (action !== 'renew') return day;
  const soon = addMonths(day, 12);
  const end = start.validUntil === null ? LAST_DAY : later(day, addDays(start.validUntil, 1));
  return end < soon ? end : soon;
}

// LBL-15
export function checkOrder(body, label, { day, start }, time) {
  const bad = (message) => refuse('lbl.dates', message);
  const { action } = body;
  if (label.last !== undefined && day < label.last.day) bad('holds before the last decision');
  if (body.decided_on > dayAt(time, 14)) bad('decided later than logged');
  if (givesValidity(body) && (body.decided_on > body.valid_from || body.valid_from > body.valid_until)) bad('valid_from');
  if (givesValidity(body) && body.valid_from > latestBegin(body, day, start)) bad('valid_from after it holds');
  if (action === 'suspend' && body.suspended_until < day) bad('suspended_until');
  if (action === 'revoke' && body.appeal_until < day) bad('appeal_until');
}

// LBL-26
function checkMended(log, body, label, { day, from }) {
  if (body.action !== 'correct' || body.valid_until === undefined) return;
  const given = label.decisions.findLast((decision) => givesValidity(decision.body));
  if (given?.position !== body.corrects) refuse('lbl.reference', 'not the decision that set the validity');
  const scheme = log.federation.scheme(schemeOf(body, label), log.view);
  if (scheme === undefined) refuse('lbl.criteria', 'no scheme');
  const latest = given.day === UNKNOWN ? LAST_DAY : addMonths(given.day, scheme.max_validity_months);
  if (body.valid_until < given.day || body.valid_until > latest) refuse('lbl.dates', 'not an end it could have had');
  if (from === 'expired' && day > addDays(label.last.validUntil, scheme.grace_days)) refuse('lbl.transition', 'corrected too late');
}

// LBL-16, LBL-17
function checkScheme(log, body, label, { day, from }) {
  const { action } = body;
  const scheme = log.federation.scheme(schemeOf(body, label), log.view);
  if (givesValidity(body)) {
    if (scheme === undefined || scheme.status === 'proposed' || (action === 'grant' && scheme.status !== 'active')) {
      refuse('lbl.criteria', 'no scheme that is in force');
    }
    if (body.valid_until > addMonths(body.valid_from, scheme.max_validity_months)) refuse('lbl.dates', 'valid for too long');
  }
  if (action === 'renew' && from === 'expired') { // LBL-17
    if (day > addDays(label.last.validUntil ?? day, scheme.grace_days)) refuse('lbl.transition', 'renewed too late');
  }
}

// LBL-18
function checkFirst(log, body, entity) {
  const competence = (message) => refuse('lbl.competence', message);
  if (body.takes !== undefined) checkTakes(log, body.takes, entity);
  else if (body.certificate !== undefined) {
    checkNumber(log.origin, log.federation.membership(log.site, log.view).prefix, body.certificate);
    if (log.numbers.has(body.certificate)) competence('the number of another label');
  }
  if (!log.has('offering', body.offering)) refuse('lbl.reference', 'no such offering');
  if (log.federation.scheme(body.scheme, log.view) === undefined) refuse('lbl.criteria', 'no such scheme');
}

// LBL-30
function checkThere(log, body, label) {
  const gives = ['grant', 'renew', 'extend_scope', 'transfer_in'].includes(body.action);
  if (body.basis !== 'assessed' || !gives || body.takes !== undefined) return;
  const thing = log.recordsOn(label.first?.body.offering ?? body.offering).at(-1).body;
  const holder = log.recordsOn(thing.organisation).at(-1).body;
  for (const { status, effective_date: day } of [thing, holder]) {
    if (['withdrawn', 'dissolved'].includes(status) && day <= body.effective_date) refuse('lbl.reference', 'what is there no more');
  }
}

// LBL-18, EPOCH-6
export function checkNumber(origin, prefix, certificate) {
  if (certificate.split('/')[1] !== prefix) refuse('lbl.competence', 'the prefix of another site');
  const { epoch } = originParts(origin);
  const digits = certificate.split('/')[3];
  const fits = epoch === 1 ? digits.length < 9 : digits.length === 9 && Number(digits.slice(0, 4)) === epoch;
  if (!fits) refuse('lbl.competence', 'a number of another epoch');
}

// XFER-2
function checkTakes(log, takes, entity) {
  const competence = (message) => refuse('lbl.competence', message);
  const [origin] = takes;
  const site = log.federation.siteOf(origin, log.view);
  if (site === undefined || origin === log.origin) competence('taken from no log of another member');
  const second = entity.equals(takeoverEntity(takes));
  if (site === log.site) {
    const earlier = originParts(origin)?.epoch < originParts(log.origin)?.epoch;
    if (!earlier || !second) competence('taken from a log of this site in another way');
  } else if (second) {
    const { status, successor } = log.federation.membership(site, log.view);
    if (!['left', 'expelled'].includes(status) || successor !== log.site) competence('taken over from who is there');
  }
}

// LBL-19
export function checkLater(body, label) {
  const { body: first } = label.first;
  if (body.certificate !== first.certificate) refuse('lbl.reference', 'another number');
  if (body.offering !== undefined && !body.offering.equals(first.offering)) refuse('lbl.reference', 'another offering');
  if (body.scheme !== undefined && body.scheme !== first.scheme) refuse('lbl.reference', 'another scheme');
}

function checkReceiver(log, { receiver }) {
  if (receiver === undefined) return;
  const admitted = log.federation.membership(receiver, log.view)?.status === 'admitted';
  if (receiver === log.site || !admitted) refuse('lbl.competence', 'no such receiver');
}
