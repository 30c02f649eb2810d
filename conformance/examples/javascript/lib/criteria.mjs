// LBL-1 to LBL-4, ASS-1 to ASS-3: schemes and their criteria.
import { refuse } from './refusal.mjs';
import { addDays, checkDays } from './dates.mjs';

const last = (list) => list[list.length - 1]?.body;

export const scheme = {
  check(log, { body, record, position }) {
    checkDays(body.effective_date);
    const before = last(log.recordsOn(record.entity));
    if (before === undefined ? log.federation.scheme(body.scheme, position) !== undefined : before.scheme !== body.scheme) {
      refuse('mem.name', 'the code of another scheme, or changed');
    }
  },
  apply: (log, { body, position }) => log.federation.put('scheme', body.scheme, position, body),
};

export const criterion = {
  check(log, { body, record, position }) {
    checkDays(body.applies_from, body.transition_until);
    const { federation } = log;
    const bad = (message) => refuse('lbl.criteria', message);
    const before = last(log.recordsOn(record.entity));
    if (federation.scheme(body.scheme, position) === undefined) bad('no such scheme'); // LBL-3
    const sameName = before !== undefined && before.scheme === body.scheme && before.code === body.code;
    const taken = federation.criterion(body.scheme, body.code, position) !== undefined;
    if (before === undefined ? taken : !sameName) refuse('mem.name', 'the code of another criterion, or changed');
    if (body.version !== (before?.version ?? 0) + 1) bad('version'); // LBL-4
    if (before !== undefined && before.country !== body.country) bad('country changed');
    if (body.country !== undefined && body.obligation !== 'mandatory') bad('of a country and not mandatory');
    if (body.tightens !== undefined) {
      const other = federation.criterion(body.scheme, body.tightens, position);
      if (body.country === undefined || other === undefined || other.country !== undefined) bad('tightens nothing it may');
      if (other.kind === 'threshold' && other.threshold !== undefined && !isStricter(body, other)) bad('not stricter');
    }
  },
  apply: (log, { body, position }) => log.federation.put('criterion', `${body.scheme} ${body.code}`, position, body),
};

// LBL-4: whatever meets `body` meets `other`.
function isStricter(body, other) {
  const operator = (criterion) => criterion.operator ?? '>=';
  if (body.kind !== 'threshold' || body.threshold === undefined) return false;
  if (body.unit !== other.unit || operator(body) !== operator(other)) return false;
  const scaled = ({ threshold, threshold_scale: scale = 0 }) => BigInt(threshold) * 10n ** BigInt(9 - scale);
  if (operator(body) === '>=') return scaled(body) >= scaled(other);
  if (operator(body) === '<=') return scaled(body) <= scaled(other);
  return scaled(body) === scaled(other);
}

export const criteriaSet = {
  check(log, { body, record, position }) {
    checkDays(body.applies_from, body.published_on, body.transition_until);
    if (body.published_on > body.applies_from || body.applies_from > (body.transition_until ?? body.applies_from)) {
      refuse('lbl.dates', 'ASS-1');
    }
    const { federation } = log;
    const bad = (message) => refuse('lbl.criteria', message);
    const before = last(log.recordsOn(record.entity));
    if (federation.scheme(body.scheme, position) === undefined) bad('no such scheme');
    const taken = federation.criteriaVersions(body.scheme, position).length > 0;
    if (before === undefined ? taken : before.scheme !== body.scheme) refuse('mem.name', 'another set, or another scheme');
    if (body.version !== (before?.version ?? 0) + 1) bad('version');
    body.criteria.forEach(({ code, version }, i) => {
      if (i > 0 && code <= body.criteria[i - 1].code) bad('not in the order of their codes');
      const there = federation.all('criterion', `${body.scheme} ${code}`, position);
      if (!there.some((item) => item.body.version === version)) bad(`no version ${version} of ${code}`);
    });
  },
  apply: (log, { body, position }) => log.federation.put('criteria', body.scheme, position, body),
};

// ASS-3: whether `set`, one of the versions that are there, may be used on a day.
export function lastDayOf(versions, set) {
  const next = versions.find(({ version }) => version === set.version + 1);
  if (next === undefined) return null;
  return next.transition_until ?? addDays(next.applies_from, -1);
}

export function mayBeUsed(versions, set, day) {
  const until = lastDayOf(versions, set);
  return day >= set.applies_from && (until === null || day <= until);
}

// ASS-3: the criteria of a version for a site and an offering, as they were in that version.
export function criteriaFor(federation, size, set, country, kind) {
  return set.criteria
    .map(({ code, version }) =>
      federation.all('criterion', `${set.scheme} ${code}`, size).map(({ body }) => body).find((body) => body.version === version))
    .filter((body) => body.country === undefined || body.country === country)
    .filter((body) => body.offerings === undefined || body.offerings.includes(kind));
}
