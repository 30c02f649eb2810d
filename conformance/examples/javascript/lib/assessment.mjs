// ASS-4 to ASS-23: what a decision rests on.
import { hex } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { addMonths, checkDays, dayAt, UNKNOWN } from './dates.mjs';
import { lastDayOf, mayBeUsed } from './criteria.mjs';
import { checkClosed, checkDecider, checkNumber, inTime, isNonconform, leftOpen, subjectsOf } from './duties.mjs';
import { checkReturn, isTied, offeredBy } from './ties.mjs';

const bodies = (log, entity) => log.recordsOn(entity).map(({ body }) => body);
const last = (list) => list[list.length - 1];
const same = (a, b) => (a === undefined || b === undefined ? a === b : Buffer.isBuffer(a) ? a.equals(b) : a === b);

const checkNotAfter = (day, time) => {
  if (day > dayAt(time, 14)) refuse('lbl.dates', 'a day after the record');
};

export const assessorAuthorisation = {
  check(log, { body, record }) {
    checkDays(body.effective_date, body.valid_from, body.valid_until); // ASS-4
    const before = last(bodies(log, record.entity));
    if (body.valid_from > body.valid_until || body.effective_date < (before?.effective_date ?? UNKNOWN)) refuse('lbl.dates', 'ASS-4');
    if (before !== undefined && !(same(body.person, before.person) && body.scheme === before.scheme)) refuse('lbl.reference', 'changed');
    if (log.federation.scheme(body.scheme, log.view) === undefined) refuse('lbl.criteria', 'no such scheme');
    if (body.organisation !== undefined && !log.has('organisation', body.organisation)) refuse('lbl.reference', 'no such organisation');
    const next = { none: ['active'], active: ['active', 'suspended', 'withdrawn'], suspended: ['active', 'withdrawn'], withdrawn: [] };
    if (!next[before?.status ?? 'none'].includes(body.status)) refuse('ass.transition', 'ASS-5');
    checkReturn(log, { body, record });
  },
  apply: (log, { body, record }) => log.ties.authorise(body.person, record.entity), // ASS-22
};

// ASS-6
const effective = (records, day) => last(records.filter(({ effective_date: from }) => from <= day));

function allows(records, codes, day, level) {
  const body = effective(records, day);
  if (body === undefined || body.status !== 'active' || day < body.valid_from || day > body.valid_until) return false;
  if (body.criteria !== undefined && !codes.every((code) => body.criteria.includes(code))) return false;
  return level !== 'third_party' || body.level === 'third_party';
}

const STEPS = { // ASS-7
  none: ['submitted'],
  submitted: ['accepted', 'returned', 'refused_intake', 'withdrawn'],
  returned: ['submitted', 'lapsed', 'withdrawn'],
  accepted: ['withdrawn'],
  refused_intake: [],
  lapsed: [],
  withdrawn: [],
};

const criteriaVersion = (log, scheme, version) =>
  log.federation.criteriaVersions(scheme, log.view).find((set) => set.version === version);

export const labelApplication = {
  check(log, { body, record }) {
    checkDays(body.effective_date);
    const before = last(bodies(log, record.entity));
    const steps = log.decided.has(hex(record.entity)) ? [] : STEPS[before?.step ?? 'none'];
    if (!steps.includes(body.step)) refuse('app.transition', 'ASS-7');
    checkNotAfter(body.effective_date, record.time); // ASS-8
    if (before !== undefined && body.effective_date < before.effective_date) refuse('lbl.dates', 'before the step it follows');
    const reference = (message) => refuse('lbl.reference', message); // ASS-9
    if (before !== undefined) {
      for (const name of ['applicant', 'kind', 'label', 'offering', 'scheme']) if (!same(body[name], before[name])) reference(`${name} changed`);
      if (body.step !== 'submitted' && body.criteria_version !== before.criteria_version) reference('criteria_version changed');
    }
    if (body.step === 'submitted') {
      if (!log.has('organisation', body.applicant) || !log.has('offering', body.offering)) reference('no such applicant or offering');
      const about = ['renewal', 'scope_extension'].includes(body.kind);
      if (about !== (body.label !== undefined)) reference('label');
      if (about && !log.labels.has(hex(body.label))) reference('no such label');
    }
    if (body.step === 'submitted' || body.step === 'accepted') {
      const set = criteriaVersion(log, body.scheme, body.criteria_version);
      if (set === undefined) refuse('lbl.criteria', 'no such version of criteria');
      const until = lastDayOf(log.federation.criteriaVersions(body.scheme, log.view), set);
      if (until !== null && body.effective_date > until) refuse('lbl.criteria', 'a version that may be used no longer');
    }
  },
  apply: (log, { body }) => log.asked.add(hex(body.offering)), // LBL-6
};

function isOpen(log, application) {
  if (!log.has('label_application', application) || log.decided.has(hex(application))) return false;
  return last(bodies(log, application)).step === 'accepted';
}

const offeringKind = (log, entity) => last(bodies(log, entity))?.kind;

export const evaluation = {
  check(log, { body, record }) {
    const subject = (message) => refuse('ass.subject', message); // ASS-10
    const before = last(bodies(log, record.entity));
    checkDays(body.performed_on);
    checkNotAfter(body.performed_on, record.time);
    if (before !== undefined && !(same(body.application, before.application) && same(body.label, before.label))) subject('changed');
    if (before !== undefined && (body.level !== before.level || body.criteria_version !== before.criteria_version)) subject('changed');
    if (before !== undefined && body.performed_on < before.performed_on) refuse('lbl.dates', 'before the record before');
    if ((body.application === undefined) === (body.label === undefined)) subject('not exactly one subject');
    const label = body.label === undefined ? undefined : log.labels.get(hex(body.label));
    if (body.application !== undefined && !isOpen(log, body.application)) subject('no open application');
    if (body.label !== undefined && (label?.first.body.certificate === undefined || body.kind === 'initial')) subject('no label');

    const application = body.application === undefined ? undefined : last(bodies(log, body.application));
    if (before === undefined) checkNumber(log, body.application, application?.label ?? body.label);
    const scheme = application?.scheme ?? label.first.body.scheme;
    const set = criteriaVersion(log, scheme, body.criteria_version); // ASS-11
    if (set === undefined) refuse('lbl.criteria', 'no such version of criteria');
    if (application !== undefined && application.criteria_version !== body.criteria_version) refuse('lbl.criteria', 'another version');
    const offered = last(bodies(log, application?.offering ?? label.first.body.offering));
    const { kind } = offered;
    const criteria = new Map(log.criteriaFor(set, kind).map((criterion) => [criterion.code, criterion]));
    body.findings.forEach((finding) => {
      const bad = (message) => refuse('ass.findings', message);
      const criterion = criteria.get(finding.code) ?? bad('no criterion for this site and offering');
      if (finding.points !== undefined && finding.points > (criterion.points ?? 0)) bad('more points than it earns');
      if (contradicts(criterion, finding)) bad('a value that contradicts the result');
      checkDays(finding.due);
    });
    const documents = record.docs?.length ?? 0;
    if (body.findings.some((finding) => (finding.documents ?? []).some((number, i, all) => number >= documents || (i > 0 && number <= all[i - 1])))) {
      refuse('ass.findings', 'documents that the record has not, or out of order');
    }
    if (body.findings.some(({ code }, i) => i > 0 && code <= body.findings[i - 1].code)) refuse('ass.findings', 'not in the order of their codes');
    const now = assessedBy(body);
    if (before?.findings.some((finding) => isNonconform(finding) && !now.includes(finding.code))) refuse('ass.findings', 'left open');

    if (body.level === 'self') return; // ASS-12
    for (const assessor of body.assessors) {
      if (!isAuthorised(log, assessor, body, scheme)) refuse('ass.authority', 'ASS-12');
      const interested = [application?.applicant, offered.organisation];
      const isInterested = body.level === 'third_party' && isTied(log, assessor.person, interested, body.performed_on);
      if (isInterested) refuse('ass.authority', 'of who applies or offers');
    }
  },
  apply(log, { body, record }) {
    const label = body.application === undefined ? body.label : last(bodies(log, body.application)).label;
    log.parts.take('evaluation', record.entity, body.assessors.map(({ person }) => person), [body.application, label]);
  },
};

const assessedBy = (body) => body.findings.filter(({ result }) => result !== 'not_assessed').map(({ code }) => code);

// ASS-12, ASS-17: as the log knows it by now
function isAuthorised(log, { authorisation, person }, body, scheme) {
  const records = authorisation !== undefined && log.has('assessor_authorisation', authorisation) ? bodies(log, authorisation) : [];
  const theirs = records.length > 0 && records[0].person.equals(person) && records[0].scheme === scheme;
  return theirs && allows(records, assessedBy(body), body.performed_on, body.level);
}

// ASS-11
function contradicts({ kind, threshold, operator = '>=' }, finding) {
  const { value } = finding;
  if (kind !== 'threshold' || threshold === undefined || value === undefined) return false;
  const meets = { '>=': value >= threshold, '<=': value <= threshold, '=': value === threshold }[operator];
  return meets ? isNonconform(finding) : finding.result === 'conform';
}

// ASS-12: the assessors of an evaluation are those of every record on it.
function isAssessor(log, evaluations, person) {
  const assessors = evaluations.flatMap((entity) => bodies(log, entity)).flatMap((body) => body.assessors);
  return assessors.some((assessor) => assessor.person.equals(person));
}

const isAscending = (list) => list.every((item, i) => i === 0 || Buffer.compare(list[i - 1], item) < 0);

export const review = {
  check(log, { body, record }) {
    const subject = (message) => refuse('ass.subject', message); // ASS-13
    const before = last(bodies(log, record.entity));
    checkDays(body.reviewed_on);
    checkNotAfter(body.reviewed_on, record.time);
    if (before !== undefined && !same(body.application, before.application)) subject('changed');
    if (!isOpen(log, body.application)) subject('no open application');
    if (!isAscending(body.evaluations)) subject('not in order, or twice');
    for (const entity of body.evaluations) {
      const found = log.has('evaluation', entity) ? last(bodies(log, entity)) : undefined;
      if (found === undefined || !same(found.application, body.application)) subject('an evaluation for something else');
      if (isAssessor(log, [entity], body.reviewer)) refuse('ass.duties', 'the reviewer is an assessor');
      if (found.performed_on > body.reviewed_on) refuse('lbl.dates', 'before an evaluation ended');
    }
    if (log.parts.of(body.application).length > body.evaluations.length) subject('leaves out an evaluation');
    const { label } = last(bodies(log, body.application));
    const held = label === undefined ? undefined : log.labels.get(hex(label));
    if (log.parts.has('evaluation', body.reviewer, [label, ...(held?.earlier ?? []).map(({ entity }) => entity)])) refuse('ass.duties', 'the reviewer has assessed the label');
    const asked = last(bodies(log, body.application));
    if (isTied(log, body.reviewer, [asked.applicant, offeredBy(log, asked.offering)], body.reviewed_on)) refuse('ass.duties', 'the reviewer is tied');
  },
  apply(log, { body, record }) {
    const { label } = last(bodies(log, body.application));
    log.reviewed.set(hex(body.application), hex(record.entity));
    log.parts.take('review', record.entity, [body.reviewer], [body.application, label]);
  },
};

export const importClosed = {
  check(log, { body, record }) {
    checkDays(body.effective_date);
    checkNotAfter(body.effective_date, record.time); // ASS-19
  },
  apply: (log) => {
    log.importClosed = true;
  },
};

const RESTING = ['grant', 'refuse', 'renew', 'extend_scope', 'transfer_in'];
const KINDS = { transfer_in: ['transfer'], grant: ['initial', 'transfer'], refuse: ['initial', 'transfer'], renew: ['renewal'], extend_scope: ['scope_extension'] };

// ASS-19: what an existing register says comes before what the site decides.
export function checkEarlier(body, { decisions }) {
  const isOwn = decisions.some((decision) => decision.body.basis === 'assessed');
  if (body.basis === 'imported' && isOwn) refuse('lbl.imported', 'ASS-19');
}

// ASS-14 to ASS-21, for a label_decision
export function checkDecisionBasis(log, { body, record }, label) {
  const scheme = label.first?.body.scheme ?? body.scheme;
  const versions = log.federation.criteriaVersions(scheme, log.view);
  if (body.basis === 'imported' && log.importClosed) refuse('lbl.imported', 'ASS-19');
  checkEarlier(body, label);
  const has = [body.application, body.review].filter((entity) => entity !== undefined).length;
  const resting = body.basis === 'assessed' && RESTING.includes(body.action) && body.takes === undefined;
  const rests = resting && (versions.length > 0 || has > 0);
  if (has !== (rests ? 2 : 0)) refuse('lbl.precondition', 'ASS-14');
  if (rests) checkAssessed(log, body, record.entity, label, versions);
  if (body.basis === 'imported' || resting || label.first === undefined) return;
  checkDecider(log, { body, record }, label);
  if (body.action === 'reinstate') checkClosed(log, record.entity);
}

function checkAssessed(log, body, entity, label, versions) {
  const subject = (message) => refuse('ass.subject', message); // ASS-15
  const found = log.has('review', body.review) ? last(log.recordsOn(body.review)) : subject('no such review');
  if (!isOpen(log, body.application)) subject('no open application');
  const application = last(bodies(log, body.application));
  const offering = label.first?.body.offering ?? body.offering;
  const scheme = label.first?.body.scheme ?? body.scheme;
  const about = label.first === undefined ? undefined : entity;
  const fits = same(application.offering, offering) && application.scheme === scheme && same(application.label, about);
  if (!fits) subject('an application for something else');
  if (!KINDS[body.action].includes(application.kind)) subject('an application of another kind');
  if (!same(found.body.application, body.application)) subject('a review of another application');
  if (log.reviewed.get(hex(body.application)) !== hex(body.review)) subject('another review came later');
  const { evaluations } = found.body;
  if (evaluations.some((evaluated) => last(log.recordsOn(evaluated)).position > found.position)) subject('an evaluation after the review');
  if (log.parts.of(body.application).length > evaluations.length) subject('an evaluation that the review does not name');
  const subjects = [body.application, ...(label.first === undefined ? [] : subjectsOf(entity, label))]; // ASS-16
  if (log.parts.has('evaluation', body.decider, subjects)) refuse('ass.duties', 'the decider is an assessor');
  if (isTied(log, body.decider, [application.applicant, offeredBy(log, offering)], body.decided_on)) refuse('ass.duties', 'the decider is tied');
  if (body.decided_on < found.body.reviewed_on) refuse('lbl.dates', 'decided before the review');
  const steps = bodies(log, body.application);
  if (body.decided_on < application.effective_date || body.effective_date < steps[0].effective_date) refuse('lbl.dates', 'before its application');
  if (body.action === 'refuse') return;

  const outcome = (message) => refuse('ass.outcome', message); // ASS-17
  if (found.body.outcome !== 'recommend_grant') outcome('not recommended');
  const set = versions.find(({ version }) => version === application.criteria_version);
  const days = [body.decided_on, body.effective_date].sort();
  if (!days.every((day) => mayBeUsed(versions, set, day))) refuse('lbl.criteria', 'a version that may not be used');
  const counting = inTime(evaluations.map((evaluated) => last(log.recordsOn(evaluated)))).filter(
    (item) => item.body.level === 'third_party' && item.body.criteria_version === application.criteria_version,
  );
  if (counting.length === 0) outcome('no evaluation by a third party');
  if (counting.some((item) => addMonths(item.body.performed_on, 12) < days[1])) outcome('an evaluation older than 12 months');

  if (counting.some((item) => !item.body.assessors.every((one) => isAuthorised(log, one, item.body, scheme)))) refuse('ass.authority', 'ASS-17');

  const results = new Map(); // ASS-18
  for (const item of counting) {
    for (const finding of item.body.findings) if (finding.result !== 'not_assessed') results.set(finding.code, finding);
  }
  const criteria = log.criteriaFor(set, offeringKind(log, offering));
  if (about !== undefined) {
    const codes = new Set(criteria.map(({ code }) => code));
    for (const [code, finding] of leftOpen(log, about, body.application, counting, codes)) results.set(code, finding);
  }
  const findings = [...results.values()];
  if (findings.some(({ result }) => result === 'major_nc')) outcome('a major nonconformity');
  for (const { code, obligation } of criteria) {
    if (obligation === 'mandatory' && !['conform', 'not_applicable'].includes(results.get(code)?.result)) outcome(`mandatory ${code}`);
  }
  const national = new Set(criteria.filter(({ country }) => country !== undefined).map(({ code }) => code));
  const points = findings.filter(({ code, result }) => result === 'conform' && !national.has(code)).reduce((sum, finding) => sum + (finding.points ?? 0), 0);
  if (points < (set.min_points ?? 0)) outcome('too few points');
}

export { bodies, checkNotAfter, isAscending, last, same };
