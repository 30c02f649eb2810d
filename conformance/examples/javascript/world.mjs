// For the tests: whole logs in memory, written with keys of their own.
import { randomBytes } from 'node:crypto';
import { encode } from './lib/encoding.mjs';
import { hex, sha256 } from './lib/bytes.mjs';
import { KeyPair } from './lib/keys.mjs';
import { FAMILIES } from './lib/families.mjs';
import { writeEntry } from './lib/record.mjs';
import { judgeLog, LogJudge } from './lib/judge.mjs';
import { membersOf } from './lib/statements.mjs';
import { signCheckpoint } from './lib/checkpoint.mjs';
import { writeProof } from './lib/proof.mjs';

export const COORDINATOR = 'sopro.test/eu/1';
const ROLES = ['log', 'witness', 'registrar', 'decision', 'access'];
const NOW = Date.UTC(2027, 0, 15);

export class World {
  constructor(origin = COORDINATOR, coordinator = null, root = new KeyPair()) {
    this.origin = origin;
    this.coordinator = coordinator;
    this.pairs = { root, next: new KeyPair(), ...Object.fromEntries(ROLES.map((role) => [role, new KeyPair()])) };
    this.options = { origin, root: root.public, federation: coordinator?.judge.federation ?? null };
    this.judge = new LogJudge(this.options);
    this.stateEntity = randomBytes(16);
    this.keysEntity = randomBytes(16);
    this.add('site_keys', this.keysBody(), this.keysEntity);
    this.state();
  }

  keysBody(change = {}) {
    const keys = ROLES.map((role) => ({ public: this.pairs[role].public, role }));
    return { keys, next_root: sha256(this.pairs.next.public), root: this.pairs.root.public, ...change };
  }

  // Appends a record and gives its verdict: the code where it is void, else undefined.
  add(family, body, entity = randomBytes(16), { pair, time = Math.max(NOW, this.judge.time), log = this.origin, prev, major = 1, crit, docs } = {}) {
    const last = prev === undefined ? this.judge.chains.get(hex(entity))?.id : prev;
    const signer = pair ?? this.pairs[FAMILIES[family]?.role ?? 'registrar'];
    const record = encode({
      body, crit, docs, entity, family: `${family}/${major}`, log, prev: last ?? undefined, salt: randomBytes(16), time, v: 1,
    });
    return this.take(writeEntry(record, [signer].flat()));
  }

  take(entry) {
    const position = this.judge.size;
    this.judge.append([entry]);
    if (this.judge.newlyWithheld !== undefined) this.judge = judgeLog(this.options, this.judge.entries);
    return this.judge.verdicts[position]?.code;
  }

  stateBody() {
    const { judge, coordinator } = this;
    const head = coordinator === null ? undefined : { root: coordinator.judge.tree.root(), size: coordinator.judge.size };
    return {
      certificates: judge.grants,
      coordinator: head,
      keys: judge.keys.latest.id,
      members: coordinator === null ? membersOf(judge.federation, judge.size) : undefined,
      status_root: judge.status.root(),
      withheld: judge.withholdings.size || undefined,
    };
  }

  state(change = {}) {
    return this.add('log_state', { ...this.stateBody(), ...change }, this.stateEntity);
  }

  note() {
    return signCheckpoint({ origin: this.origin, size: this.judge.size, root: this.judge.tree.root() }, [this.pairs.log]);
  }

  get log() {
    return { origin: this.origin, checkpoint: Buffer.from(this.note()), entries: [...this.judge.entries] };
  }
}

const dates = { effective_date: '2025-01-01' };

export const bodies = {
  scheme: {
    ...dates, grace_days: 30, kind: 'product', max_validity_months: 24, scheme: 'sopro', status: 'active',
    surveillance_interval_months: 12, title: { en: 'SoPro' },
  },
  criterion: (code, change) => ({
    applies_from: '2025-01-01', code, dimension: 'social', kind: 'boolean', obligation: 'points', points: 10,
    principle: 'quality', scheme: 'sopro', status: 'active', title: { en: code }, version: 1, ...change,
  }),
  membership: (site, root, change) => ({
    ...dates, country: site.toUpperCase(), languages: ['en'], name: { en: site }, origin: `sopro.test/${site}/1`,
    prefix: `${site.toUpperCase()}1`, root, site, status: 'admitted', urls: [`https://${site}.test`], zone: 'UTC', ...change,
  }),
  organisation: { ...dates, actor_type: 'enterprise', country: 'AT', status: 'active' },
  offering: (organisation) => ({ ...dates, kind: 'product', organisation, status: 'published' }),
  grant: (offering, index, change) => ({
    action: 'grant', basis: 'assessed', certificate: `SOPRO/AT1/001/${String(index + 1).padStart(5, '0')}`, decided_on: '2027-01-10',
    decider: Buffer.alloc(16, 9), effective_date: '2027-01-10', offering, scheme: 'sopro', status_index: index,
    valid_from: '2027-01-10', valid_until: '2028-01-10', ...change,
  }),
};

// A coordinator with a scheme, and sites that are admitted and have acted on that.
export function federation(...sites) {
  const coordinator = new World();
  coordinator.add('scheme', bodies.scheme);
  const worlds = {};
  const entities = {};
  const roots = Object.fromEntries(sites.map((site) => [site, new KeyPair()]));
  for (const site of sites) {
    entities[site] = randomBytes(16);
    coordinator.add('site_membership', bodies.membership(site, roots[site].public), entities[site]);
  }
  coordinator.state();
  for (const site of sites) worlds[site] = new World(`sopro.test/${site}/1`, coordinator, roots[site]);
  return { coordinator, entities, ...worlds };
}

// The certificate of a label at the head of its log (CERT-1, CERT-5); `change` replaces keys of it.
export function certificate(world, entity, change = {}, cosigners = []) {
  const { judge, coordinator } = world;
  const notes = new Map([world, coordinator].map((log) => [log, `${log.note()}${log === world ? cosigners.map((cosigner) => cosigner(log.note())).join('') : ''}`]));
  const proven = (log, position) => [
    log.judge.entries[position],
    Buffer.from(writeProof(position, log.judge.tree.inclusion(position), notes.get(log))),
  ];
  const keysOf = (log) => log.judge.keys.records.map(({ position }) => proven(log, position));
  const label = judge.labels.get(hex(entity));
  const memberships = coordinator.judge.federation.all('members', '').filter(({ body }) => body.site === judge.site);
  const [coordinatorKeys, ...coordinatorHistory] = keysOf(coordinator);
  const [keys, ...history] = keysOf(world);
  const path = judge.status.tree.inclusion(label.statusIndex);
  return encode({
    sopro_certificate: 1,
    number: label.first.body.certificate,
    decisions: label.decisions.map(({ position }) => proven(world, position)),
    keys,
    membership: proven(coordinator, memberships[memberships.length - 1].position),
    coordinator_keys: coordinatorKeys,
    coordinator_key_history: coordinatorHistory.length === 0 ? undefined : coordinatorHistory,
    key_history: history.length === 0 ? undefined : history,
    state: proven(world, judge.size - 1),
    status: [label.leaf(), label.statusIndex, path],
    ...change,
  });
}
