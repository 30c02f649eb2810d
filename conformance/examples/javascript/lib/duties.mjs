// ASS-10, ASS-13, ASS-16, ASS-18, ASS-20, ASS-21, COMPL-6: who took part in what, and what was found about a label.
import { hex } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { isTied, offeredBy } from './ties.mjs';

const MOST = { application: 32, label: 256 }; // ASS-10
const JUDGING = ['reinstate', 'reduce_scope', 'revoke', 'correct']; // ASS-20
const REQUESTED = ['holder_request', 'product_discontinued']; // ASS-20

export const isNonconform = ({ result }) => result === 'minor_nc' || result === 'major_nc';
const isAssessed = ({ result }) => result !== 'not_assessed';
const lastOn = (log, entity) => log.recordsOn(entity).at(-1);

// What the evaluations and reviews of one log leave behind, by application and by label.
export class Parts {
  constructor() {
    this.evaluations = new Map(); // subject -> Map of the entities
    this.people = { evaluation: new Set(), review: new Set() }; // `person subject`
  }

  take(family, entity, people, subjects) {
    for (const subject of subjects.filter((one) => one !== undefined).map(hex)) {
      if (family === 'evaluation') {
        if (!this.evaluations.has(subject)) this.evaluations.set(subject, new Map());
        this.evaluations.get(subject).set(hex(entity), entity);
      }
      for (const person of people) this.people[family].add(`${hex(person)} ${subject}`);
    }
  }

  of(subject) {
    return subject === undefined ? [] : [...(this.evaluations.get(hex(subject))?.values() ?? [])];
  }

  has(family, person, subjects) {
    return subjects.some((subject) => subject !== undefined && this.people[family].has(`${hex(person)} ${hex(subject)}`));
  }
}

// ASS-10: how many there may be.
export function checkNumber(log, application, label) {
  const full = log.parts.of(application).length >= MOST.application || log.parts.of(label).length >= MOST.label;
  if (full) refuse('ass.subject', 'as many evaluations as there may be');
}

// What the evaluations are about of a label that has a first decision: itself and what that decides.
// XFER-8: also before it left and came back.
export const subjectsOf = (entity, label) =>
  [label, ...label.earlier].flatMap((one) => [one === label ? entity : one.entity, one.first?.body.application]);

const entitiesOf = (entity, label) => [entity, ...(label?.earlier ?? []).map((one) => one.entity)];
const evaluationsOf = (log, entity) => entitiesOf(entity, log.labels.get(hex(entity))).flatMap((one) => log.parts.of(one));

// ASS-20
export function checkDecider(log, { body, record }, label) {
  const { action, reason_code: reason } = body;
  const rests = JUDGING.includes(action)
    || (action === 'suspend' && reason === 'nc_not_closed')
    || (action === 'terminate_on_request' && !REQUESTED.includes(reason));
  if (rests && log.parts.has('evaluation', body.decider, subjectsOf(record.entity, label))) {
    refuse('ass.duties', 'the decider has assessed the label');
  }
  if (rests && isTied(log, body.decider, [offeredBy(log, label.first.body.offering)], body.decided_on)) refuse('ass.duties', 'the decider is tied');
}

// ASS-18: the latest records of evaluations, by the day of their end, of one day by the log.
export const inTime = (records) => [...records].sort(
  (a, b) => (a.body.performed_on < b.body.performed_on ? -1 : Number(a.body.performed_on > b.body.performed_on)) || a.position - b.position,
);
const thirdParty = ({ body }) => body.level === 'third_party';

// ASS-21
export function checkClosed(log, entity) {
  const results = new Map();
  for (const { body } of inTime(evaluationsOf(log, entity).map((one) => lastOn(log, one)).filter(thirdParty))) {
    for (const { code, result } of body.findings.filter(isAssessed)) results.set(code, result);
  }
  if ([...results.values()].includes('major_nc')) refuse('ass.outcome', 'a major nonconformity is open');
  const label = log.labels.get(hex(entity));
  if (label.first.body.takes !== undefined) checkFoundAnew(log, entity, label);
}

// ASS-21
function checkFoundAnew(log, entity, label) {
  const { scheme, offering } = label.first.body;
  const versions = log.federation.criteriaVersions(scheme, log.view);
  if (versions.length === 0) return;
  const found = log.parts.of(entity).map((one) => lastOn(log, one)).filter(thirdParty);
  const version = Math.max(0, ...found.map(({ body }) => body.criteria_version));
  const set = versions.find((one) => one.version === version) ?? versions.at(-1);
  const seen = new Set(found.flatMap(({ body }) => body.findings.filter(isAssessed).map(({ code }) => code)));
  for (const { code, obligation } of log.criteriaFor(set, lastOn(log, offering)?.body.kind)) {
    if (obligation === 'mandatory' && !seen.has(code)) refuse('ass.outcome', `came from elsewhere, and ${code} was not evaluated here`);
  }
}

// ASS-18: what evaluations of the label have left open, by criterion; `counting` are those the decision rests on.
export function leftOpen(log, entity, application, counting, codes) {
  const others = evaluationsOf(log, entity).map((one) => lastOn(log, one)).filter(thirdParty);
  const beside = others.filter(({ body }) => !body.application?.equals(application));
  const open = new Map();
  for (const item of inTime([...counting, ...beside])) {
    for (const finding of item.body.findings.filter(isAssessed)) {
      open.delete(finding.code);
      if (beside.includes(item) && isNonconform(finding) && codes.has(finding.code)) open.set(finding.code, finding);
    }
  }
  return open;
}
