// Certificates: what the vectors do not reach.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { codeOf } from './lib/refusal.mjs';
import { judgeCertificate } from './lib/certificate.mjs';
import { COSIGNATURE, KeyPair, verifierKey } from './lib/keys.mjs';
import { parsePolicy } from './lib/policy.mjs';
import { cosign } from './lib/witness.mjs';
import { logVerifierKey } from './lib/checkpoint.mjs';
import { takeoverEntity } from './lib/label.mjs';
import { parseEntry } from './lib/record.mjs';
import { EMPTY_ROOT } from './lib/tree.mjs';
import { bodies, certificate, COORDINATOR, federation } from './world.mjs';

const e16 = () => randomBytes(16);
const NOW = Date.UTC(2027, 1, 1);

function granted() {
  const world = federation('at', 'hu');
  const offerings = {};
  for (const site of ['at', 'hu']) {
    const organisation = e16();
    offerings[site] = e16();
    world[site].add('organisation', bodies.organisation, organisation);
    world[site].add('offering', bodies.offering(organisation), offerings[site]);
  }
  const label = e16();
  assert.equal(world.at.add('label_decision', bodies.grant(offerings.at, 0), label), undefined);
  world.at.state();
  const trust = { coordinator: COORDINATOR, root: world.coordinator.pairs.root.public, day: '2027-01-20', now: NOW };
  const judge = (file, change) => judgeCertificate(file, { ...trust, ...change });
  return { ...world, offerings, label, judge };
}

test('a label, and the keys of its site replaced', () => {
  const { at, label, judge } = granted();
  assert.equal(judge(certificate(at, label)).verdict, 'valid');
  at.pairs.decision = new KeyPair();
  at.pairs.root = at.pairs.next;
  assert.equal(at.add('site_keys', at.keysBody(), at.keysEntity), undefined);
  at.state();
  // The membership still names the old root key, which vouches for what comes after.
  assert.equal(judge(certificate(at, label)).verdict, 'valid');
  const decision = { action: 'suspend', basis: 'assessed', certificate: 'SOPRO/AT1/001/00001', decided_on: '2027-01-12', decider: e16(), effective_date: '2027-01-12', reason_code: 'other', suspended_until: '2027-02-01' };
  assert.equal(at.add('label_decision', decision, label), undefined);
  at.state();
  assert.equal(judge(certificate(at, label)).verdict, 'suspended');
  assert.equal(judge(certificate(at, label, { status: undefined })).verdict, 'suspended');
  assert.equal(codeOf(() => judge(certificate(at, label, { key_history: undefined }))), 'sig.unknown-key');
  assert.equal(codeOf(() => judge(certificate(at, label), { root: at.pairs.root.public })), 'sig.unknown-key');
});

function witnesses(count) {
  const pairs = Array.from({ length: count }, () => new KeyPair());
  const names = pairs.map((_, i) => `sopro.test/w${i}/witness`);
  const policy = parsePolicy(Buffer.from([
    ...pairs.map((pair, i) => `witness w${i} ${verifierKey(names[i], COSIGNATURE, pair.public).text}`),
    `group g 2 ${names.map((_, i) => `w${i}`).join(' ')}`,
    'quorum g', '',
  ].join('\n')));
  const cosigner = (world, i, time) => (note) => cosign(Buffer.from(`old 0\n\n${note}`), {
    keysOf: () => [logVerifierKey(world.origin, world.pairs.log.public)],
    heldOf: () => ({ size: 0, root: EMPTY_ROOT }),
    name: names[i],
    pair: pairs[i],
    time,
  }).line;
  return { policy, cosigner };
}

test('the quorum of a policy', () => {
  const { at, label, judge } = granted();
  const { policy, cosigner } = witnesses(3);
  const seconds = NOW / 1000;
  const by = (...times) => judge(certificate(at, label, {}, times.map((time, i) => cosigner(at, i, time))), { policy });
  assert.equal(by().verdict, 'unproven');
  assert.equal(by(seconds - 10).verdict, 'unproven');
  assert.deepEqual([by(seconds - 10, seconds - 30).verdict, by(seconds - 10, seconds - 30).asOf], ['valid', NOW - 30_000]);
  assert.equal(by(seconds - 10, seconds + 301).verdict, 'unproven');
  const other = cosigner(at, 0, seconds)(at.note());
  at.state();
  assert.equal(judge(certificate(at, label, {}, [() => other]), { policy }).verdict, 'unproven'); // WIT-16
});

const transfer = { basis: 'assessed', certificate: 'SOPRO/AT1/001/00001', decider: e16(), scheme: 'sopro', standing: 'active', status_index: 0, valid_until: '2028-01-10', action: 'transfer_in' };

test('a label that was handed over', () => {
  const { at, hu, label, offerings, judge } = granted();
  const entity = e16();
  const out = { action: 'transfer_out', basis: 'assessed', certificate: 'SOPRO/AT1/001/00001', decided_on: '2027-01-12', decider: e16(), effective_date: '2027-01-12', receiver: 'hu', receiver_entity: entity };
  const position = at.judge.size;
  assert.equal(at.add('label_decision', out, label), undefined);
  at.state();
  const before = certificate(at, label);
  assert.equal(judge(before).verdict, 'transferred');
  const takes = [at.origin, position, parseEntry(at.judge.entries[position]).id];
  const body = { ...transfer, decided_on: '2027-01-13', effective_date: '2027-01-13', offering: offerings.hu, takes };
  assert.equal(hu.add('label_decision', body, entity), undefined);
  hu.state();
  assert.equal(judge(certificate(hu, entity)).verdict, 'unproven');
  assert.equal(judge(certificate(hu, entity, { before })).verdict, 'valid');
  assert.equal(judge(certificate(hu, entity, { before }), { day: '2027-01-11' }).verdict, 'valid');
  assert.equal(codeOf(() => judge(certificate(hu, entity, { before: certificate(hu, entity) }))), 'lbl.reference');
});

test('a label that was inherited', () => {
  const { coordinator, entities, at, hu, label, offerings, judge } = granted();
  const position = at.judge.size - 2;
  const takes = [at.origin, position, parseEntry(at.judge.entries[position]).id];
  const leave = { status: 'left', successor: 'hu', ends: { origin: at.origin, size: at.judge.size } };
  assert.equal(coordinator.add('site_membership', bodies.membership('at', at.pairs.root.public, leave), entities.at), undefined);
  coordinator.state();
  hu.state();
  const entity = takeoverEntity(takes);
  const body = { ...transfer, decided_on: '2027-01-13', effective_date: '2027-01-13', offering: offerings.hu, takes };
  assert.equal(hu.add('label_decision', body, entity), undefined);
  hu.state();
  assert.equal(judge(certificate(hu, entity, { before: certificate(at, label) })).verdict, 'valid');
});
