// ASS-22, ASS-23: to whom people are tied, so that they are no third party.
import { hex, sha256 } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { addMonths, dayAt, later } from './dates.mjs';

const MOST_OF_PERSON = 64; // ASS-23
const MOST_ONE = 256; // ASS-22
const MONTHS = 24; // ASS-22
const ONE = ['same_as', 'successor_of', 'merged_into'];

// REL-1
export const relationsEntity = (organisation) => sha256('sopro-relations/1\n', organisation).subarray(0, 16);

const place = ({ site, organisation }) => `${site ?? ''} ${hex(organisation)}`;

// What the authorisations and relations of one log leave behind.
export class Ties {
  constructor() {
    this.papers = new Map(); // person -> entities of the authorisations
    this.sayers = new Map(); // organisation -> organisations of this log that have ever said to be one with it
  }

  authorise(person, entity) {
    if (!this.papers.has(hex(person))) this.papers.set(hex(person), new Map());
    this.papers.get(hex(person)).set(hex(entity), entity);
  }

  relate(organisation, relations) {
    for (const one of relations.filter(({ kind }) => ONE.includes(kind))) {
      if (!this.sayers.has(place(one))) this.sayers.set(place(one), new Map());
      this.sayers.get(place(one)).set(hex(organisation), organisation);
    }
  }

  papersOf(log, person) {
    return [...(this.papers.get(hex(person))?.values() ?? [])].map((entity) => log.recordsOn(entity));
  }
}

// ASS-23
export function checkReturn(log, { body, record }) {
  const own = log.recordsOn(record.entity);
  const others = own.length > 0 ? [] : log.ties.papersOf(log, body.person);
  const isLifted = own.at(-1)?.body.status === 'suspended' && body.status === 'active';
  const wasAway = others.flat().some((one) => one.body.scheme === body.scheme && one.body.status !== 'active');
  if ((isLifted || wasAway) && body.effective_date < dayAt(record.time, -12)) refuse('lbl.dates', 'ASS-23');
  if (others.length >= MOST_OF_PERSON) refuse('ass.authority', 'as many authorisations as there may be');
}

// ASS-22: the last day of a record's tie, but for the 24 months.
function lastDay(records, i) {
  const { body } = records[i];
  const ending = body.status === 'withdrawn' ? records[i] : records[i + 1];
  if (ending === undefined) return body.valid_until;
  const ended = later(dayAt(ending.record.time, 14), ending.body.effective_date);
  return ended < body.valid_until ? ended : body.valid_until;
}

function bodiesOf(log, person, day) {
  const found = new Set();
  for (const records of log.ties.papersOf(log, person)) {
    records.forEach(({ body }, i) => {
      if (body.organisation !== undefined && day <= addMonths(lastDay(records, i), MONTHS)) found.add(hex(body.organisation));
    });
  }
  return found;
}

const stated = (log, organisation) =>
  (log.recordsOn(relationsEntity(organisation)).at(-1)?.body.relations ?? []).filter(({ kind }) => ONE.includes(kind));

// The organisations of this log that are one with one of them; undefined where they are too many.
function oneWith(log, organisation) {
  const found = new Map([[place({ organisation }), { organisation }]]);
  for (const one of found.values()) {
    const sayers = [...(log.ties.sayers.get(place(one))?.values() ?? [])];
    if (sayers.length > MOST_ONE) return undefined;
    const saying = sayers.filter((other) => stated(log, other).some((said) => place(said) === place(one)));
    const said = one.site === undefined ? stated(log, one.organisation) : [];
    for (const other of [...said, ...saying.map((sayer) => ({ organisation: sayer }))]) {
      if (!found.has(place(other))) found.set(place(other), { organisation: other.organisation, site: other.site });
    }
    if (found.size > MOST_ONE) return undefined;
  }
  return [...found.values()].filter(({ site }) => site === undefined).map((one) => hex(one.organisation));
}

export const offeredBy = (log, offering) =>
  (log.has('offering', offering) ? log.recordsOn(offering).at(-1).body.organisation : undefined);

// ASS-22
export function isTied(log, person, organisations, day) {
  const tied = bodiesOf(log, person, day);
  if (tied.size === 0) return false;
  return organisations.filter((one) => one !== undefined).some((organisation) => oneWith(log, organisation)?.some((one) => tied.has(one)) ?? true);
}
