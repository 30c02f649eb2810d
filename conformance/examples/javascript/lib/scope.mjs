// LBL-23, LBL-24, LBL-28: what a label holds for, which decision another corrects, and when it was refused.
import { refuse } from './refusal.mjs';

const STATING = ['grant', 'transfer_in', 'extend_scope', 'reduce_scope', 'correct'];
const NAMES = ['areas', 'cpv'];

const holds = (whole, part) =>
  NAMES.every((name) => whole?.[name] === undefined || (part?.[name] !== undefined && part[name].every((code) => whole[name].includes(code))));

export const isSameScope = (a, b) => holds(a, b) && holds(b, a);

// LBL-23: the most that a correction may say a label holds for.
function widest({ corrects }, decisions) {
  const stating = decisions.filter(({ body }) => body.scope !== undefined);
  const wrong = stating.at(-1);
  const reduces = wrong?.position === corrects && wrong?.body.basis === 'assessed' && ['reduce_scope', 'correct'].includes(wrong?.body.action);
  return (reduces ? stating.at(-2) : wrong)?.body.scope;
}

export function checkScope(body, before, decisions) {
  const { action, scope } = body;
  if (scope === undefined) return;
  if (!STATING.includes(action)) refuse('lbl.precondition', `${action} states no scope`);
  const bad = (message) => refuse('lbl.scope', message);
  for (const name of NAMES) {
    if ((scope[name] ?? []).some((code, i) => i > 0 && code <= scope[name][i - 1])) bad('codes out of order, or twice');
  }
  const [more, less] = [holds(scope, before), holds(before, scope)];
  if (action === 'extend_scope' && (less || !more)) bad('not more than before');
  if (action === 'reduce_scope' && (more || !less)) bad('not less than before');
  if (action === 'correct' && body.basis === 'assessed' && !holds(widest(body, decisions), scope)) bad('more than anybody has assessed');
}

export function checkCorrected({ action, corrects }, decisions) {
  if (corrects === undefined) return;
  if (action !== 'correct') refuse('lbl.precondition', `${action} corrects nothing`);
  if (!decisions.some(({ position }) => position === corrects)) refuse('lbl.reference', 'no decision on this label');
}

export function checkRefused(log, { corrects, decided_on: decided, refused_on: day }, decisions) {
  if (day === undefined) return;
  const { body } = decisions.find(({ position }) => position === corrects);
  if (body.action !== 'refuse') refuse('lbl.reference', 'not the day of a refusal');
  const reviewed = body.review === undefined ? undefined : log.recordsOn(body.review).at(-1).body.reviewed_on;
  if (day > decided || day < (reviewed ?? day)) refuse('lbl.dates', 'no day on which it could have been refused');
}
