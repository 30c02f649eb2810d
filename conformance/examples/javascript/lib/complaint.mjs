// COMPL-1 to COMPL-8: complaints, answers, appeals.
import { hex } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { checkDays } from './dates.mjs';
import { bodies, checkNotAfter, isAscending, last, same } from './assessment.mjs';
import { subjectsOf } from './duties.mjs';
import { isTied, offeredBy } from './ties.mjs';

const subject = (message) => refuse('cpl.subject', message);
const transition = (message) => refuse('cpl.transition', message);

export const complaint = {
  check(log, { body, record }) {
    const before = last(bodies(log, record.entity));
    checkDays(body.received_on, body.withdrawn_on);
    checkNotAfter(body.received_on, record.time);
    if (body.withdrawn_on !== undefined) {
      checkNotAfter(body.withdrawn_on, record.time);
      if (body.received_on > body.withdrawn_on) refuse('lbl.dates', 'withdrawn before it was received');
    }
    if (before !== undefined) {
      if (body.certificate !== before.certificate || body.received_on !== before.received_on) subject('changed');
      if (before.withdrawn_on !== undefined) transition('withdrawn');
    }
  },
};

const ANSWERS = {
  none: ['acknowledged'],
  acknowledged: ['investigating', 'dismissed'],
  investigating: ['upheld', 'dismissed'],
  upheld: ['closed'],
  dismissed: ['closed'],
  closed: [],
};

function checkStepDay(body, before, time) {
  checkNotAfter(body.effective_date, time);
  if (before !== undefined && body.effective_date < before.effective_date) refuse('lbl.dates', 'before the step it follows');
}

export const complaintAnswer = {
  check(log, { body, record }) {
    checkDays(body.effective_date);
    const before = last(bodies(log, record.entity));
    if (!ANSWERS[before?.step ?? 'none'].includes(body.step)) transition('COMPL-2');
    checkStepDay(body, before, record.time);
    if (before !== undefined && !(body.index === before.index && body.origin === before.origin && same(body.label, before.label))) subject('changed');
    if (!log.labels.has(hex(body.label))) subject('no such label');
    const other = log.answered.get(`${body.origin} ${body.index}`);
    if (other !== undefined && other !== hex(record.entity)) subject('answered elsewhere');
    const judges = body.person !== undefined && body.step !== 'acknowledged'; // COMPL-7
    if (judges && isKeptOff(log, body, log.labels.get(hex(body.label)), body.person)) refuse('ass.duties', 'who is complained about answers');
  },
  apply: (log, { body, record }) => log.answered.set(`${body.origin} ${body.index}`, hex(record.entity)),
};

const APPEALS = {
  none: ['received'],
  received: ['panel', 'withdrawn'],
  panel: ['panel', 'upheld', 'partly_upheld', 'rejected', 'withdrawn'],
  upheld: [],
  partly_upheld: [],
  rejected: [],
  withdrawn: [],
};

export const appeal = {
  check(log, { body, record }) {
    checkDays(body.effective_date);
    const records = bodies(log, record.entity);
    const before = last(records);
    if (!APPEALS[before?.step ?? 'none'].includes(body.step)) transition('COMPL-4');
    checkStepDay(body, before, record.time);
    if (before !== undefined && !(body.decision === before.decision && same(body.label, before.label))) subject('changed'); // COMPL-5
    const label = log.labels.get(hex(body.label));
    const decision = label?.decisions.find(({ position }) => position === body.decision);
    if (decision === undefined || decision.body.basis === 'imported') subject('no such decision');
    const earlier = last(records.filter(({ step }) => step === 'panel'))?.panel;
    checkPanel(log, body, label, earlier);
    checkPerson(log, body, label, earlier);
  },
};

// COMPL-6: whoever took part in deciding on a label, and its holder's people
function isKeptOff(log, body, label, person) {
  const own = ({ basis, decider }) => basis === 'assessed' && decider.equals(person);
  if ([label, ...label.earlier].flatMap(({ decisions }) => decisions).some((decision) => own(decision.body))) return true;
  const subjects = subjectsOf(body.label, label);
  if (log.parts.has('evaluation', person, subjects) || log.parts.has('review', person, subjects)) return true;
  return isTied(log, person, [offeredBy(log, label.first.body.offering)], body.effective_date);
}

// COMPL-8
function checkPerson(log, body, label, panel) {
  const bad = (message) => refuse('ass.duties', message);
  const { person, step } = body;
  if (person === undefined) return;
  if (step === 'received' || step === 'panel') bad('somebody where nobody may be named');
  if (panel !== undefined && !panel.some((one) => one.equals(person))) bad('none of the panel');
  if (isKeptOff(log, body, label, person)) bad('who is appealed against ends the appeal');
}

// COMPL-6
function checkPanel(log, body, label, earlier) {
  const bad = (message) => refuse('ass.duties', message);
  const { step } = body;
  if (step === 'received' || step === 'withdrawn') {
    if (body.panel !== undefined) bad('a panel where none may be');
    return;
  }
  const panel = body.panel ?? (step === 'panel' ? undefined : earlier);
  if (panel === undefined) bad('no panel');
  const alike = step === 'panel' || (earlier.length === panel.length && earlier.every((person, i) => person.equals(panel[i])));
  if (!alike || !isAscending(panel)) bad('another panel, or not in order');
  if (panel.some((person) => isKeptOff(log, body, label, person))) bad('who took part in deciding on the label');
}
