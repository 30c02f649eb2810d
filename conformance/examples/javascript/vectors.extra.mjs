// The vector files that are neither `cases` nor calls of one function.
import assert from 'node:assert/strict';
import { Refusal } from './lib/refusal.mjs';
import { checkApprovals, checkSuccession, followKeys, membersDigest, readMandate } from './lib/keyhistory.mjs';
import { KeyPair, parseLogKey } from './lib/keys.mjs';
import { cosign } from './lib/witness.mjs';
import { openCheckpoint } from './lib/checkpoint.mjs';
import { verifyEvidence } from './lib/evidence.mjs';
import { checkStatus, leafOf, parseLeaf, statusLeafHash, statusOn, StatusTree } from './lib/status.mjs';
import { checkEpoch } from './lib/membership.mjs';
import { takeoverEntity } from './lib/label.mjs';
import { judgeCertificate } from './lib/certificate.mjs';
import { courseOf, judgeAll } from './lib/logs.mjs';

const unhex = (text) => Buffer.from(text, 'hex');
const hex = (bytes) => bytes.toString('hex');
const historyOf = (list) => list.map(([position, entry]) => [position, unhex(entry)]);

const keysOf = (history, withCut) => [...history.keys.values()].map((key) => ({
  role: key.role,
  public: hex(key.public),
  since: key.since,
  until: key.until,
  ...(withCut ? { cut: key.cuts.length === 0 ? null : Math.min(...key.cuts.map(({ size }) => size)) } : {}),
}));

const unbase64 = (text) => Buffer.from(text, 'base64');
const dayOrNull = (day) => (day === undefined || day === '' ? null : day);

// Whole logs, the coordinator's first or not; `roots` as the logs themselves and the membership say.
function judged({ logs, roots }) {
  const coordinator = 'sopro.example/eu/1';
  const list = Object.entries(logs).map(([origin, entries]) => ({ origin, entries: entries.map(unbase64) }));
  const rootKeys = Object.fromEntries(Object.entries(roots).map(([origin, root]) => [origin, unhex(root)]));
  return judgeAll(coordinator, rootKeys[coordinator], list, rootKeys);
}

const calls = {
  status_leaf_hash: ({ leaf }) => hex(statusLeafHash(unbase64(leaf))),
  status_root({ puts }) {
    const tree = new StatusTree();
    for (const [index, leaf] of puts) tree.put(index, unbase64(leaf));
    return hex(tree.root());
  },
  check_status: ({ leaf, index, size, proof, root }) => checkStatus(unbase64(leaf), index, size, proof.map(unhex), unhex(root)),
  parse_leaf: ({ leaf }) => parseLeaf(unbase64(leaf)).state,
  leaf_of: ({ time, decisions }) => leafOf({
    certificate: 'SOPRO/AT1/001/00001',
    decision: Buffer.alloc(32, 0x11),
    time,
    decisions: decisions.map((d) => ({ day: d.since, status: d.state, validUntil: dayOrNull(d.valid_until), suspendedUntil: null })),
  }).toString('base64'),
  status_on: ({ leaf, day }) => statusOn(parseLeaf(unbase64(leaf)), day),
  takeover_entity: ({ origin, index, id }) => hex(takeoverEntity([origin, index, unhex(id)])),
  epoch({ origin, root, entry }) {
    const { origin: before, root: rootBefore, size } = checkEpoch(origin, unhex(root), unbase64(entry));
    return { origin: before, root: hex(rootBefore), size };
  },
  judge_certificate({ file, coordinator, root, day }) {
    const { verdict, asOf, size } = judgeCertificate(unbase64(file), { coordinator, root: unhex(root), day, now: Date.now() });
    return { verdict, as_of: asOf, size };
  },
  add_checkpoint({ body, log, size, root, time }) {
    const key = parseLogKey(log);
    const { line, note } = cosign(unbase64(body), {
      keysOf: (origin) => (origin === key.name ? [key] : undefined),
      heldOf: () => ({ size, root: unhex(root) }),
      name: 'hu.sopro.example/witness',
      pair: new KeyPair(Buffer.alloc(32, 2)),
      time,
    });
    return { answer: Buffer.from(line).toString('base64'), kept: Buffer.from(note).toString('base64') };
  },
  course(vector) {
    const { judges } = judged(vector);
    const start = [...judges.values()].find((judge) => judge.site === vector.site && judge.labels.has(vector.entity));
    const course = courseOf(judges, start.labels.get(vector.entity));
    const voids = Object.fromEntries([...judges].filter(([, judge]) => !judge.isCoordinator)
      .map(([origin, judge]) => [origin, judge.verdicts.flatMap(({ code }, i) => (code === undefined ? [] : [[i, code]]))]));
    return {
      days: Object.fromEntries(vector.days.map((day) => [day, [course.siteOn(day), course.statusOn(day)]])),
      stages: course.stages.map((label) => [label.origin, hex(label.entity)]),
      voids,
    };
  },
  recorded(vector) {
    const { judges } = judged(vector);
    const start = [...judges.values()].find((judge) => judge.site === vector.site && judge.labels.has(vector.entity));
    const course = courseOf(judges, start.labels.get(vector.entity));
    return Object.fromEntries(vector.days.map((day) => {
      const { on_record: since = null, recorded_late: late } = course.onRecord(day);
      return [day, [since, late]];
    }));
  },
  last(vector) {
    const { judges } = judged(vector);
    const judge = judges.get(Object.keys(vector.logs).pop());
    const { code, message } = judge.verdicts[judge.entries.length - 1] ?? {};
    if (code !== undefined) throw new Refusal(code, message);
  },
};

function tests(test, { load, refuses }) {
  test('key-history.json', async (t) => {
    const vectors = load('key-history.json');
    const follow = ({ root, history }) => followKeys(vectors.origin, false, unhex(root), historyOf(history));
    for (const vector of vectors.histories) {
      await t.test(vector.name, () => {
        assert.deepEqual(keysOf(follow(vector), true), vector.keys);
        for (const reject of vector.reject) refuses(reject.code, () => follow(reject), reject.delta);
      });
    }
    for (const vector of vectors.heads) {
      await t.test(vector.name, () => {
        const root = vectors.keys.root;
        const history = followKeys(vectors.origin, false, unhex(root), historyOf(vector.history));
        const open = (note) => openCheckpoint(Buffer.from(note), vectors.origin, (size) => history.logKeys(size));
        vector.accept.forEach(open);
        for (const reject of vector.reject) refuses(reject.code, () => open(reject.note), reject.delta);
      });
    }
    for (const vector of vectors.successions) {
      await t.test(vector.name, () => {
        const check = (c) => checkSuccession(vectors.origin, unhex(vector.before), c.succession.map(unhex), unhex(c.root));
        check(vector);
        for (const reject of vector.reject) refuses(reject.code, () => check(reject), reject.delta);
      });
    }
    for (const vector of vectors.approvals) {
      await t.test(vector.name, () => {
        const check = (c) => checkApprovals(
          vectors.origin, unhex(vector.before), c.approvals.map(unhex), unhex(vector.root),
          c.members.map(({ origin, root }) => ({ origin, root: unhex(root) })),
        );
        check(vector);
        for (const reject of vector.reject) refuses(reject.code, () => check(reject), reject.delta);
      });
    }
  });

  test('mandates of key-history.json', async (t) => {
    const vectors = load('key-history.json');
    for (const vector of vectors.mandates) {
      await t.test(vector.name, () => {
        const read = ({ mandate }) => readMandate(unhex(mandate), vectors.origin, unhex(vector.before));
        assert.deepEqual(read(vector), vector.approvers);
        for (const reject of vector.reject) refuses(reject.code, () => read(reject), reject.delta);
      });
    }
  });

  test('evidence.json', async (t) => {
    const vectors = load('evidence.json');
    const verify = (c) => {
      const trust = c.root !== undefined ? { root: unhex(c.root) } : { coordinator: c.coordinator, coordinatorRoot: unhex(c.coordinator_root) };
      const evidence = verifyEvidence(unbase64(c.file), trust);
      return { ...evidence, id: hex(evidence.id) };
    };
    for (const vector of vectors.accept) await t.test(vector.why, () => assert.deepEqual(verify(vector), vector.gives));
    for (const vector of vectors.reject) await t.test(vector.why, () => refuses(vector.code, () => verify(vector), vector.why));
  });

  test('appointment.json', async (t) => {
    const vectors = load('appointment.json');
    const follow = (list) => followKeys(vectors.origin, true, unhex(vectors.root), historyOf(list));
    await t.test('the history', () => {
      assert.deepEqual(keysOf(follow(vectors.history), false), vectors.keys);
      for (const reject of vectors.reject) refuses(reject.code, () => follow(reject.history), reject.delta);
    });
    await t.test('votes', () => {
      follow(vectors.votes.history);
      for (const reject of vectors.votes.reject) refuses(reject.code, () => follow(reject.history), reject.delta);
    });
    await t.test('digests', () => {
      for (const { members, digest } of vectors.digests) {
        assert.equal(hex(membersDigest(members.map(({ origin, root }) => ({ origin, root: unhex(root) })))), digest);
      }
    });
  });
}

export const EXTRA = { calls, files: ['status.json', 'epoch.json', 'transfer.json', 'correction.json', 'asked.json', 'certificate.json', 'witness.json'], tests };
