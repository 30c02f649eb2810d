// REL, CDL: relations of organisations, and published lists of codes.
import { hex } from './bytes.mjs';
import { refuse } from './refusal.mjs';
import { checkDays } from './dates.mjs';
import { checkNotAfter, last } from './assessment.mjs';
import { relationsEntity } from './ties.mjs';

const MAX_RELATED = 1024; // REL-4
const CHAINED = ['successor_of', 'merged_into', 'part_of'];

export const organisationRelation = {
  check(log, { body, record }) {
    const subject = (message) => refuse('rel.subject', message);
    const { organisation, relations } = body;
    checkDays(...relations.map(({ since }) => since)); // REL-1
    if (!record.entity.equals(relationsEntity(organisation))) subject('not the entity of its relations');
    const named = relations.map((one) => `${one.site ?? ''} ${hex(one.organisation)}`); // REL-2
    if (new Set(named).size !== named.length || named.includes(` ${hex(organisation)}`)) subject('an organisation twice, or itself');
    if (relations.some(({ site }) => site === log.site)) subject('this site as another');
    const here = relations.filter(({ site }) => site === undefined).map((one) => one.organisation);
    if (![organisation, ...here].every((entity) => log.has('organisation', entity))) refuse('lbl.reference', 'no such organisation');
    for (const { since } of relations) checkNotAfter(since, record.time); // REL-3
    for (const kind of CHAINED) checkChain(log, organisation, relations, kind); // REL-4
  },
  apply: (log, { body }) => log.ties.relate(body.organisation, body.relations), // ASS-22
};

function checkChain(log, organisation, relations, kind) {
  const named = (list) => list.filter((one) => one.kind === kind && one.site === undefined).map((one) => one.organisation);
  const seen = new Set();
  const waiting = named(relations);
  while (waiting.length > 0) {
    const other = waiting.pop();
    if (other.equals(organisation)) refuse('rel.cycle', `${kind} leads back`);
    if (seen.has(hex(other))) continue;
    seen.add(hex(other));
    if (seen.size > MAX_RELATED) refuse('rel.cycle', 'too many hang together');
    waiting.push(...named(last(log.recordsOn(relationsEntity(other)))?.body.relations ?? []));
  }
}

// CDL-1
export const codelist = {
  check(log, { body, record }) {
    checkDays(body.valid_from);
    const records = log.recordsOn(record.entity);
    const taken = records.length === 0 ? log.federation.all('codelist', body.list).length > 0 : last(records).body.list !== body.list;
    if (taken) refuse('mem.name', 'the name of another list, or changed');
    if (records.some((one) => one.body.version === body.version)) refuse('cdl.version', 'a version that is there');
    const first = record.docs?.[0];
    if (first?.name !== 'codelist' || first.visibility !== 'public') refuse('cdl.document', 'not the list');
  },
  apply: (log, { body, position }) => log.federation.put('codelist', body.list, position, body),
};
