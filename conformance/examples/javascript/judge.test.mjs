// Whole logs, judged: what the vectors do not reach.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { encode } from './lib/encoding.mjs';
import { KeyPair } from './lib/keys.mjs';
import { sha256 } from './lib/bytes.mjs';
import { judgeLog } from './lib/judge.mjs';
import { Label, takeoverEntity } from './lib/label.mjs';
import { Course, describe as describeLogs, judgeAll } from './lib/logs.mjs';
import { parseEntry } from './lib/record.mjs';
import { bodies, COORDINATOR, federation, World } from './world.mjs';

const e16 = () => randomBytes(16);

function withOffering(site) {
  const organisation = e16();
  const offering = e16();
  assert.equal(site.add('organisation', bodies.organisation, organisation), undefined);
  assert.equal(site.add('offering', bodies.offering(organisation), offering), undefined);
  return { organisation, offering };
}

test('statements of a log', () => {
  const { at } = federation('at');
  assert.equal(at.state(), undefined);
  assert.equal(at.state({ certificates: 1 }), 'sta.certificates');
  assert.equal(at.state({ keys: Buffer.alloc(32) }), 'sta.keys');
  assert.equal(at.state({ coordinator: undefined }), 'sta.coordinator');
  assert.equal(at.state({ status_root: undefined }), 'sta.status');
  assert.equal(at.state({ withheld: 1 }), 'sta.withheld');
  assert.equal(at.state({ members: Buffer.alloc(32) }), 'sta.members');
  assert.equal(at.add('log_state', at.stateBody(), e16(), { pair: at.pairs.root }), 'sig.role');
  assert.equal(at.add('log_state', at.stateBody(), at.stateEntity, { pair: new KeyPair() }), 'sig.unknown-key');
  assert.equal(at.add('log_state', at.stateBody(), at.stateEntity, { time: 0 }), 'rec.time');
  assert.equal(at.add('log_state', at.stateBody(), at.stateEntity, { prev: Buffer.alloc(32) }), 'lbl.conflict');
  assert.equal(at.add('log_state', at.stateBody(), at.stateEntity, { log: COORDINATOR }), 'hos.replay');
  assert.equal(at.add('organisation', bodies.organisation, at.stateEntity), 'rec.family');
  assert.equal(at.add('unheard_of', { x: 1 }), undefined);
  assert.equal(at.add('scheme', bodies.scheme), 'lbl.competence');
  assert.equal(at.state(), undefined);
});

test('keys are replaced and cut off', () => {
  const { at } = federation('at');
  const old = at.pairs.registrar;
  at.pairs.registrar = new KeyPair();
  assert.equal(at.add('site_keys', at.keysBody({ revoked: [{ key: old.public, size: at.judge.size }] }), at.keysEntity), undefined);
  assert.equal(at.add('log_state', at.stateBody(), at.stateEntity, { pair: old }), 'sig.key-retired');
  assert.equal(at.state(), undefined);
  const back = { keys: [{ public: old.public, role: 'registrar' }] };
  assert.equal(at.add('site_keys', at.keysBody(back), at.keysEntity), 'mem.key');
  assert.equal(at.add('site_keys', at.keysBody({ root: new KeyPair().public }), at.keysEntity), 'sig.role');
  const root = at.pairs.root;
  at.pairs.root = at.pairs.next;
  at.pairs.next = new KeyPair();
  assert.equal(at.add('site_keys', at.keysBody(), at.keysEntity), undefined);
  assert.equal(at.add('site_keys', at.keysBody({ root: root.public }), at.keysEntity, { pair: root }), 'sig.key-retired');
});

test('membership', () => {
  const { coordinator, entities, at } = federation('at', 'hu');
  const change = (body, entity = entities.at) => coordinator.add('site_membership', bodies.membership('at', at.pairs.root.public, body), entity);
  assert.equal(change({}, e16()), 'mem.name');
  assert.equal(change({ prefix: 'XX1' }), 'mem.name');
  assert.equal(change({ origin: 'sopro.test/at/2' }), 'mem.key');
  assert.equal(change({ root: new KeyPair().public }), 'mem.key');
  assert.equal(change({ ends: { origin: 'sopro.test/at/1', size: 9 } }), 'mem.end');
  assert.equal(change({ effective_date: '2025-02-30' }), 'rec.body');
  assert.equal(change({ status: 'applicant' }), 'mem.status');
  const { offering } = withOffering(at);
  const end = at.judge.size;
  assert.equal(at.add('label_decision', bodies.grant(offering, 0)), undefined);
  at.state();
  const gone = { status: 'left', successor: 'hu', ends: { origin: 'sopro.test/at/1', size: end } };
  assert.equal(change(gone), undefined);
  const abandoned = [{ root: Buffer.alloc(32), size: end }];
  assert.equal(change(gone), 'mem.status');
  assert.equal(change({ ...gone, abandoned, successor: undefined }), 'mem.status');
  assert.equal(change({ ...gone, abandoned, effective_date: '2026-12-31' }), 'mem.status');
  assert.equal(change({ ...gone, abandoned, status: 'expelled' }), 'mem.status');
  assert.equal(change({ ...gone, abandoned }), undefined);
  coordinator.state();
  const anew = judgeLog(at.options, at.judge.entries);
  assert.equal(anew.verdicts[end].code, 'mem.inactive');
  assert.equal(anew.verdicts[end + 1].code, 'sta.certificates');
});

test('a root key is replaced by approvals', () => {
  const { coordinator, entities, at, hu, si, fr } = federation('at', 'hu', 'si', 'fr');
  const lost = at.pairs.root.public;
  const fresh = new KeyPair();
  const approve = (site) => {
    assert.equal(site.add('key_recovery', { before: lost, origin: at.origin, root: fresh.public }), undefined);
    return site.judge.entries[site.judge.size - 1];
  };
  assert.equal(at.add('site_keys', at.keysBody({ approvers: ['si', 'hu'] }), at.keysEntity), 'mem.key');
  assert.equal(at.add('site_keys', at.keysBody({ approvers: ['at', 'hu'] }), at.keysEntity), 'mem.key');
  assert.equal(at.add('site_keys', at.keysBody({ approvers: ['hu', 'si'] }), at.keysEntity), undefined);
  const mandate = at.judge.entries[at.judge.size - 1];
  const renew = (approvals, more = { mandate }) => coordinator.add('site_membership', bodies.membership('at', fresh.public, { approvals, ...more }), entities.at);
  const votes = [approve(hu), approve(si)];
  assert.equal(renew(votes, {}), 'mem.key');
  assert.equal(renew(votes, { mandate: at.judge.entries[0] }), 'mem.key');
  assert.equal(renew(votes, { mandate: votes[0] }), 'mem.key');
  assert.equal(renew(votes.slice(0, 1)), 'mem.key');
  assert.equal(renew([votes[0], votes[0]]), 'mem.key');
  assert.equal(renew([...votes, approve(fr)]), 'mem.key');
  assert.equal(renew([...votes, votes[0]]), undefined);
  assert.deepEqual(coordinator.judge.federation.leadingRoots(at.origin), [fresh.public, lost]);
  coordinator.state();
  at.state();
  at.pairs.root = fresh;
  assert.equal(at.add('site_keys', at.keysBody(), at.keysEntity), undefined);
});

test('labels', () => {
  const { at } = federation('at');
  const { offering } = withOffering(at);
  const label = e16();
  const decide = (body, entity = label) => at.add('label_decision', { basis: 'assessed', decided_on: '2027-01-12', decider: Buffer.alloc(16, 9), effective_date: '2027-01-12', certificate: 'SOPRO/AT1/001/00001', ...body }, entity);
  assert.equal(decide(bodies.grant(offering, 1)), 'lbl.precondition');
  assert.equal(decide(bodies.grant(offering, 0, { valid_until: '2030-01-10' })), 'lbl.dates');
  assert.equal(decide(bodies.grant(offering, 0, { decided_on: '2027-02-10' })), 'lbl.dates');
  assert.equal(decide(bodies.grant(e16(), 0)), 'lbl.reference');
  assert.equal(decide(bodies.grant(offering, 0, { scheme: 'other' })), 'lbl.criteria');
  assert.equal(decide(bodies.grant(offering, 0, { certificate: 'SOPRO/HU1/001/00001' })), 'lbl.competence');
  assert.equal(decide(bodies.grant(offering, 0, { certificate: 'SOPRO/AT1/001/000100001' })), 'lbl.competence');
  assert.equal(decide(bodies.grant(offering, 0)), undefined);
  assert.equal(decide(bodies.grant(offering, 1), e16()), undefined);
  assert.equal(decide(bodies.grant(offering, 2, { certificate: 'SOPRO/AT1/001/00001' }), e16()), 'lbl.competence');
  assert.equal(decide({ action: 'suspend', suspended_until: '2027-03-01' }), 'lbl.precondition');
  assert.equal(decide({ action: 'suspend', suspended_until: '2027-03-01', reason_code: 'other' }), undefined);
  assert.equal(decide({ action: 'suspend', suspended_until: '2027-03-01', reason_code: 'other' }), 'lbl.transition');
  assert.equal(decide({ action: 'reinstate', effective_date: '2027-01-11' }), 'lbl.transition');
  assert.equal(decide({ action: 'reinstate', certificate: 'SOPRO/AT1/001/00009' }), 'lbl.reference');
  assert.equal(decide({ action: 'transfer_out', receiver: 'at', receiver_entity: e16() }), 'lbl.competence');
  assert.equal(decide({ action: 'reinstate' }), undefined);
  const imported = { basis: 'imported', decided_on: undefined, decider: undefined };
  assert.equal(decide({ ...imported, action: 'revoke', effective_date: '2028-06-01' }), 'lbl.imported'); // ASS-19
  const earlier = e16();
  const from = (body) => decide({ ...imported, certificate: 'SOPRO/AT1/001/00007', ...body }, earlier);
  const validity = { valid_from: '2026-01-10', valid_until: '2028-01-10' };
  assert.equal(from({ action: 'grant', offering, scheme: 'sopro', status_index: 2, ...validity }), undefined);
  assert.equal(from({ action: 'revoke', effective_date: '2028-06-01' }), undefined);
  assert.equal(from({ action: 'reinstate', effective_date: '2028-06-02' }), undefined);
  const { decisions } = at.judge.labels.get(earlier.toString('hex'));
  assert.equal(decisions[decisions.length - 1].validUntil, null); // LBL-12: it holds after the end it finds
  assert.equal(at.add('import_closed', { effective_date: '2027-01-01' }), undefined);
  assert.equal(from({ action: 'suspend' }), 'lbl.imported');
  assert.equal(decide(bodies.grant(offering, 3, { effective_date: '2027-01-09' }), e16()), 'lbl.dates');
  assert.equal(at.state(), undefined);
});

// The world writes all its records on this day (OVL-11).
const RECORDED = { on_record: '2027-01-15', recorded_late: false };

test('undetermined', () => {
  const { coordinator, at } = federation('at');
  const { offering } = withOffering(at);
  const label = e16();
  at.add('label_decision', bodies.grant(offering, 0), label);
  assert.equal(at.add('label_decision', { action: 'revoke' }, label, { crit: ['unheard_of'] }), undefined);
  assert.equal(at.add('label_decision', { x: 1 }, label), undefined);
  assert.equal(at.state({ status_root: Buffer.alloc(32, 7) }), undefined);
  const { judges, refused } = judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, at.log]);
  const answer = describeLogs(judges, refused, COORDINATOR, '2027-02-01');
  assert.deepEqual(answer.labels, { 'SOPRO/AT1/001/00001': { status: 'undetermined', site: 'at', decisions: 1, ...RECORDED } });
  assert.deepEqual(answer.members, { at: 'admitted' });
  assert.deepEqual(answer.refused, {});
});

test('recorded late', () => {
  const label = new Label('sopro.example/at/1', e16());
  const decide = (day, recorded, basis = 'assessed') => label.decisions.push({ body: { basis }, day, time: Date.parse(recorded), status: 'active', validUntil: null });
  decide('2027-01-01', '2027-02-01T23:59:59.999Z');
  const said = (day) => new Course([label]).onRecord(day);
  assert.deepEqual(said('2027-01-01'), { recorded_late: false, on_record: '2027-02-01' }); // 31 days later
  assert.deepEqual(said('2026-12-31'), { recorded_late: false });
  decide('2027-02-10', '2027-03-14T00:00:00Z');
  decide('2027-03-01', '2027-03-14T00:00:00Z');
  for (const day of ['2027-02-10', '2027-03-13']) assert.deepEqual(said(day), { recorded_late: true, on_record: '2027-03-14' });
  assert.deepEqual(said('2027-03-14'), { recorded_late: false, on_record: '2027-03-14' });
  label.decisions.forEach((one) => { one.body = { basis: 'imported' }; });
  assert.equal(said('2027-02-10').recorded_late, false);
});

test('waiting for a head of the coordinator', () => {
  const { coordinator, at } = federation('at');
  const short = { ...coordinator.log };
  coordinator.state();
  at.state();
  const whole = judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, at.log]);
  assert.equal(whole.judges.get(at.origin).waitsAt, null);
  const { judges } = judgeAll(COORDINATOR, coordinator.pairs.root.public, [short, at.log]);
  assert.equal(judges.get(at.origin).waitsAt, at.judge.size - 1);
  // A log key that only an entry that waits names.
  at.pairs.log = new KeyPair();
  at.add('site_keys', at.keysBody(), at.keysEntity);
  at.state();
  const hinted = judgeAll(COORDINATOR, coordinator.pairs.root.public, [short, at.log]);
  assert.equal(hinted.refused.get(at.origin), undefined);
});

test('logs that cannot be opened', () => {
  const { coordinator, at, hu } = federation('at', 'hu');
  const judge = (log) => judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, log]).refused.get(log.origin);
  assert.equal(judge({ ...at.log, entries: at.judge.entries.slice(0, -1) }), 'hos.bundle');
  assert.equal(judge({ ...at.log, checkpoint: hu.log.checkpoint }), 'hos.origin');
  assert.equal(judge({ ...at.log, checkpoint: Buffer.from('x') }), 'ckp.format');
  const thief = new World(at.origin, coordinator);
  assert.equal(judge(thief.log), 'mem.untrusted');
});

test('a label is handed over, and inherited', () => {
  const { coordinator, entities, at, hu } = federation('at', 'hu');
  const theirs = withOffering(hu).offering;
  const { offering } = withOffering(at);
  const out = { action: 'transfer_out', basis: 'assessed', certificate: 'SOPRO/AT1/001/00001', decided_on: '2027-01-12', decider: e16(), effective_date: '2027-01-12', receiver: 'hu', receiver_entity: e16() };
  const label = e16();
  at.add('label_decision', bodies.grant(offering, 0), label);
  const other = e16();
  at.add('label_decision', bodies.grant(offering, 1), other);
  assert.equal(at.add('label_decision', out, label), undefined);
  assert.equal(at.state(), undefined);
  const take = (index, certificate) => ({
    action: 'transfer_in', basis: 'assessed', certificate, decided_on: '2027-01-13', decider: e16(), effective_date: '2027-01-13', offering: theirs,
    scheme: 'sopro', standing: 'active', status_index: hu.judge.grants, takes: [at.origin, index, parseEntry(at.judge.entries[index]).id], valid_until: '2028-01-10',
  });
  const handed = take(at.judge.size - 2, 'SOPRO/AT1/001/00001');
  assert.equal(hu.add('label_decision', handed, out.receiver_entity), undefined);
  const inherited = take(at.judge.size - 3, 'SOPRO/AT1/001/00002');
  assert.equal(hu.add('label_decision', inherited, takeoverEntity(inherited.takes)), 'lbl.competence');
  coordinator.add('site_membership', bodies.membership('at', at.pairs.root.public, { status: 'left', successor: 'hu', ends: { origin: at.origin, size: at.judge.size } }), entities.at);
  coordinator.state();
  hu.state();
  const third = { ...inherited, status_index: hu.judge.grants };
  assert.equal(hu.add('label_decision', third, takeoverEntity(inherited.takes)), undefined); // behind the void one
  assert.equal(hu.state(), undefined);
  const { judges, refused } = judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, at.log, hu.log]);
  const answer = describeLogs(judges, refused, COORDINATOR, '2027-01-20');
  assert.deepEqual(answer.labels['SOPRO/AT1/001/00001'], { status: 'active', site: 'hu', decisions: 3, ...RECORDED });
  assert.deepEqual(answer.labels['SOPRO/AT1/001/00002'], { status: 'active', site: 'hu', decisions: 2, ...RECORDED });
});

test('assessment, complaints and appeals', () => {
  const { coordinator, at } = federation('at');
  coordinator.add('criterion', bodies.criterion('S1', { obligation: 'mandatory' }));
  coordinator.add('criterion', bodies.criterion('S2'));
  const set = { applies_from: '2026-01-01', criteria: [{ code: 'S1', version: 1 }, { code: 'S2', version: 1 }], min_points: 10, published_on: '2025-10-01', scheme: 'sopro', version: 1 };
  assert.equal(coordinator.add('criteria_set', set), undefined);
  coordinator.state();
  const { organisation, offering } = withOffering(at);
  at.state();
  const [authorisation, person, application, evaluation, review, label] = Array.from({ length: 6 }, e16);
  const auth = { basis: 'iso17065', effective_date: '2026-01-01', level: 'third_party', person, scheme: 'sopro', status: 'active', valid_from: '2026-01-01', valid_until: '2027-12-31' };
  assert.equal(at.add('assessor_authorisation', { ...auth, status: 'withdrawn' }), 'ass.transition');
  assert.equal(at.add('assessor_authorisation', auth, authorisation), undefined);
  const step = (name, day, change) => ({ applicant: organisation, criteria_version: 1, effective_date: day, kind: 'initial', offering, scheme: 'sopro', step: name, ...change });
  assert.equal(at.add('label_application', step('submitted', '2027-01-02', { criteria_version: 2 })), 'lbl.criteria');
  assert.equal(at.add('label_application', step('accepted', '2027-01-02')), 'app.transition');
  assert.equal(at.add('label_application', step('submitted', '2027-01-02'), application), undefined);
  const evaluated = (change) => ({
    application, assessors: [{ authorisation, person }], criteria_version: 1, findings: [{ code: 'S1', result: 'conform' }, { code: 'S2', points: 10, result: 'conform' }],
    kind: 'initial', level: 'third_party', method: 'on_site', performed_on: '2027-01-05', recommendation: 'positive', ...change,
  });
  assert.equal(at.add('evaluation', evaluated()), 'ass.subject');
  assert.equal(at.add('label_application', step('accepted', '2027-01-03'), application), undefined);
  assert.equal(at.add('evaluation', evaluated({ findings: [{ code: 'S9', result: 'conform' }] })), 'ass.findings');
  assert.equal(at.add('evaluation', evaluated({ assessors: [{ person }] })), 'ass.authority');
  const [insider, ours, free] = [e16(), e16(), e16()]; // ASS-22, ASS-23
  assert.equal(at.add('assessor_authorisation', { ...auth, person: insider, organisation }, ours), undefined);
  assert.equal(at.add('assessor_authorisation', { ...auth, person: insider }, free), undefined);
  assert.equal(at.add('evaluation', evaluated({ assessors: [{ authorisation: free, person: insider }] })), 'ass.authority');
  assert.equal(at.add('assessor_authorisation', { ...auth, person: insider, status: 'withdrawn' }, free), undefined);
  assert.equal(at.add('assessor_authorisation', { ...auth, person: insider }), 'lbl.dates');
  assert.equal(at.add('evaluation', evaluated(), evaluation), undefined);
  const reviewed = { application, evaluations: [evaluation], outcome: 'recommend_grant', reviewed_on: '2027-01-06', reviewer: e16() };
  assert.equal(at.add('review', { ...reviewed, reviewer: person }), 'ass.duties');
  assert.equal(at.add('review', { ...reviewed, reviewed_on: '2027-01-04' }), 'lbl.dates');
  assert.equal(at.add('review', reviewed, review), undefined);
  const second = e16();
  assert.equal(at.add('evaluation', evaluated({ findings: [{ code: 'S2', result: 'major_nc' }] }), second), undefined);
  const grant = bodies.grant(offering, 0, { application, review });
  assert.equal(at.add('label_decision', grant), 'ass.subject'); // ASS-15: not in the review
  const both = [evaluation, second].sort(Buffer.compare);
  assert.equal(at.add('review', reviewed, review), 'ass.subject');
  assert.equal(at.add('review', { ...reviewed, evaluations: both }, review), undefined);
  assert.equal(at.add('label_decision', grant), 'ass.outcome');
  assert.equal(at.add('evaluation', evaluated({ findings: [{ code: 'S1', result: 'conform' }] }), second), 'ass.findings');
  assert.equal(at.add('evaluation', evaluated({ level: 'self' }), second), 'ass.subject');
  assert.equal(at.add('evaluation', evaluated(), second), undefined);
  assert.equal(at.add('review', { ...reviewed, evaluations: both }, review), undefined);
  assert.equal(at.add('label_decision', bodies.grant(offering, 0)), 'lbl.precondition');
  assert.equal(at.add('label_decision', { ...grant, decider: person }), 'ass.duties');
  assert.equal(at.add('label_decision', { ...grant, review: e16() }), 'ass.subject');
  const position = at.judge.size;
  assert.equal(at.add('label_decision', grant, label), undefined);
  assert.equal(at.add('label_application', step('withdrawn', '2027-01-12'), application), 'app.transition');
  assert.equal(at.add('evaluation', evaluated({ application: undefined, label, kind: 'surveillance', performed_on: '2027-01-14', findings: [{ code: 'S2', result: 'major_nc' }] })), undefined);
  const decide = (action, change) => ({
    action, basis: 'assessed', certificate: grant.certificate, decided_on: '2027-01-12', decider: person, effective_date: '2027-01-12', ...change,
  });
  const end = { suspended_until: '2027-03-01' };
  assert.equal(at.add('label_decision', decide('suspend', { ...end, reason_code: 'nc_not_closed' }), label), 'ass.duties');
  assert.equal(at.add('label_decision', decide('correct'), label), 'ass.duties');
  assert.equal(at.add('label_decision', decide('suspend', { ...end, reason_code: 'other' }), label), undefined);
  assert.equal(at.add('label_decision', decide('reinstate'), label), 'ass.duties');
  assert.equal(at.add('label_decision', decide('reinstate', { decider: e16() }), label), 'ass.outcome');
  const appeal = (name, change) => ({ decision: position, effective_date: '2027-01-12', label, step: name, ...change });
  const entity = e16();
  assert.equal(at.add('appeal', appeal('panel', { panel: [e16()] })), 'cpl.transition');
  assert.equal(at.add('appeal', appeal('received'), entity), undefined);
  assert.equal(at.add('appeal', appeal('panel', { panel: [reviewed.reviewer] }), entity), 'ass.duties');
  const [judge, other] = [e16(), e16()];
  assert.equal(at.add('appeal', appeal('panel', { panel: [judge] }), entity), undefined);
  assert.equal(at.add('label_decision', decide('correct', { decider: judge }), label), undefined);
  assert.equal(at.add('appeal', appeal('upheld'), entity), 'ass.duties');
  assert.equal(at.add('appeal', appeal('panel'), entity), 'ass.duties');
  assert.equal(at.add('appeal', appeal('panel', { panel: [judge] }), entity), 'ass.duties');
  assert.equal(at.add('appeal', appeal('panel', { panel: [other] }), entity), undefined);
  assert.equal(at.add('appeal', appeal('rejected', { panel: [e16()] }), entity), 'ass.duties');
  for (const partial of [e16(), judge, person]) assert.equal(at.add('appeal', appeal('withdrawn', { person: partial }), entity), 'ass.duties'); // COMPL-8
  assert.equal(at.add('appeal', appeal('rejected', { person: other }), entity), undefined);
  const answer = { complaint: Buffer.alloc(32), effective_date: '2027-01-12', index: 4, label, origin: 'sopro.test/hu/1', step: 'acknowledged' };
  assert.equal(at.add('complaint_answer', answer), undefined);
  assert.equal(at.add('complaint_answer', answer), 'cpl.subject');
  const own = e16(); // COMPL-7
  assert.equal(at.add('complaint_answer', { ...answer, index: 5, person }, own), undefined);
  for (const partial of [person, reviewed.reviewer, judge, insider]) {
    assert.equal(at.add('complaint_answer', { ...answer, index: 5, person: partial, step: 'dismissed' }, own), 'ass.duties');
  }
  assert.equal(at.add('complaint_answer', { ...answer, index: 5, person: e16(), step: 'dismissed' }, own), undefined);
  assert.equal(at.add('complaint', { certificate: 'SOPRO/HU1/001/00001', kind: 'misuse', received_on: '2027-01-10', withdrawn_on: '2027-01-09' }), 'lbl.dates');
  assert.equal(at.state(), undefined);
});

test('withheld entries', () => {
  const { coordinator, at } = federation('at');
  const { organisation, offering } = withOffering(at);
  const index = at.judge.size;
  assert.equal(at.add('unheard_of', { name: 'somebody' }), undefined);
  const withhold = (change) => ({ index, leaf: at.judge.tree.rows[0][index], reason: 'personal_data', ...change });
  assert.equal(at.add('withhold', withhold({ index: 10_000 })), 'wdh.index');
  at.state();
  assert.equal(at.add('withhold', withhold({ leaf: Buffer.alloc(32) })), 'wdh.leaf');
  assert.equal(at.add('withhold', withhold()), undefined);
  assert.equal(at.judge.verdicts[index].code, 'entry.withheld');
  assert.equal(at.add('withhold', withhold()), 'wdh.again');
  assert.equal(at.state(), undefined);
  // A grant cannot be withheld without an `instead` that leaves the status tree as it was.
  const label = e16();
  const granted = at.judge.size;
  at.add('label_decision', bodies.grant(offering, 0, { source: Buffer.alloc(8) }), label);
  at.state();
  const hide = (instead) => ({ index: granted, leaf: at.judge.tree.rows[0][granted], reason: 'mistake', instead });
  const { time } = at.judge.counted.get(label.toString('hex'))[0].record;
  const instead = encode({ body: bodies.grant(offering, 0), entity: label, family: 'label_decision/1', log: at.origin, salt: e16(), time, v: 1 });
  assert.equal(at.add('withhold', hide(instead)), undefined);
  assert.equal(at.state(), undefined);
  const { judges, refused } = judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, at.log]);
  assert.equal(refused.get(at.origin), undefined);
  assert.equal(judges.get(at.origin).grants, 1);
  assert.equal(at.judge.has('organisation', organisation), true);
  // WITHHOLD-6: nobody takes a log past a record by a root key that hides what the log has stated.
  const position = at.judge.size;
  at.add('label_decision', { ...bodies.grant(offering, 1), certificate: 'SOPRO/AT1/001/00009' });
  at.state();
  assert.equal(at.add('withhold', { index: position, leaf: at.judge.tree.rows[0][position], reason: 'mistake' }), 'wdh.state');
  assert.equal(judgeAll(COORDINATOR, coordinator.pairs.root.public, [coordinator.log, at.log]).refused.get(at.origin), 'wdh.state');
  assert.equal(coordinator.add('withhold', { index: 0, leaf: Buffer.alloc(32), reason: 'other' }), 'wdh.coordinator');
});

test('the rest of the coordinator', () => {
  const { coordinator, at } = federation('at');
  const policy = { faulty: 0, witnesses: ['at', 'eu'] };
  const entity = e16();
  assert.equal(coordinator.add('witness_policy', { ...policy, witnesses: ['zz'] }), 'wit.policy');
  assert.equal(coordinator.add('witness_policy', policy, entity), undefined);
  assert.equal(coordinator.add('witness_policy', policy), 'wit.policy');
  assert.equal(coordinator.add('witness_policy', { ...policy, quorum: 3 }, entity), 'wit.policy');
  assert.equal(coordinator.add('scheme', bodies.scheme), 'mem.name');
  assert.equal(coordinator.add('criterion', bodies.criterion('S1', { version: 2 })), 'lbl.criteria');
  const threshold = { kind: 'threshold', threshold: 305, threshold_scale: 1, unit: 'P1' };
  assert.equal(coordinator.add('criterion', bodies.criterion('S1', threshold)), undefined);
  const national = { country: 'AT', obligation: 'mandatory', tightens: 'S1', ...threshold };
  assert.equal(coordinator.add('criterion', bodies.criterion('A1', { ...national, threshold: 30, threshold_scale: 0 })), 'lbl.criteria');
  assert.equal(coordinator.add('criterion', bodies.criterion('A1', { ...national, threshold: 31, threshold_scale: 0 })), undefined);
  assert.equal(coordinator.add('organisation', bodies.organisation), 'mem.inactive');
  assert.equal(at.add('erasure', { deadline: '2027-02-01', document: 0, index: 99, reason: 'request' }), 'era.index');
  assert.equal(at.add('erasure', { deadline: '2027-02-01', document: 0, index: 0, reason: 'request' }), undefined);
  assert.equal(at.add('erasure', { deadline: '2027-02-01', document: 0, index: 0, reason: 'request' }), 'era.again');
  const appoint = { origin: COORDINATOR, root: sha256(), size: 4, successor: new KeyPair().public, urls: ['https://x.test'] };
  assert.equal(at.add('anchor', { ...appoint, origin: at.origin }), 'anc.log');
  assert.equal(at.add('anchor', { ...appoint, urls: undefined }), 'anc.evidence');
  assert.equal(at.add('anchor', appoint), undefined);
  assert.equal(at.add('anchor', appoint), 'anc.again');
});
