// VOID: one log, judged entry by entry (VOID-2). Withheld entries make the log be judged anew (WITHHOLD-4).
import { hex } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { ANY, CARETAKER, COORDINATOR, FAMILIES, familyOf } from './families.mjs';
import { checkSignature, isSignature, keyId } from './keys.mjs';
import { isSuccessor, KeyHistory } from './keyhistory.mjs';
import { parseEntry, parseRecord, signedBytes } from './record.mjs';
import { leafHash, Tree } from './tree.mjs';
import { Federation, originParts } from './federation.mjs';
import { StatusTree } from './status.mjs';
import { keyRecovery, siteMembership, witnessPolicy } from './membership.mjs';
import { criteriaFor, criteriaSet, criterion, scheme } from './criteria.mjs';
import { labelDecision, offering, organisation } from './label.mjs';
import { assessorAuthorisation, evaluation, importClosed, labelApplication, review } from './assessment.mjs';
import { appeal, complaint, complaintAnswer } from './complaint.mjs';
import { Parts } from './duties.mjs';
import { Ties } from './ties.mjs';
import { anchor, conformanceStatement, erasure, logState, nothing, orphanErasure, siteKeys, Waiting } from './statements.mjs';
import { withhold } from './withhold.mjs';
import { codelist, organisationRelation } from './relations.mjs';

const RULES = {
  site_keys: siteKeys, log_state: logState, serve_alone: nothing, site_membership: siteMembership,
  key_recovery: keyRecovery, scheme, criterion, organisation, organisation_relation: organisationRelation, codelist, offering, label_decision: labelDecision,
  criteria_set: criteriaSet, assessor_authorisation: assessorAuthorisation, label_application: labelApplication,
  evaluation, review, import_closed: importClosed, complaint, complaint_answer: complaintAnswer, appeal,
  conformance_statement: conformanceStatement, erasure, orphan_erasure: orphanErasure,
  erasure_receipt: nothing, withhold, witness_policy: witnessPolicy, anchor,
};

const VALID = 'valid'; // counts
const PASSED = 'passed'; // judged no further and not void (VOID-11, VOID-12)

export class LogJudge {
  // `federation` is what the coordinator's log says, null where this is the coordinator's own; `root` the
  // root key that signs entry 0; `withheld` [index -> {position, leaf, instead}] what is judged as withheld.
  constructor({ origin, root, federation = null, withheld = new Map(), triedInVain = new Set() }) {
    this.origin = origin;
    this.site = originParts(origin)?.site;
    this.firstRoot = root;
    this.isCoordinator = federation === null;
    this.federation = federation ?? new Federation(origin);
    if (this.isCoordinator) this.federation.rootAt = (size) => this.tree.root(size);
    this.withheld = withheld;
    this.triedInVain = triedInVain; // positions of withhold records that WITHHOLD-5 refuses

    this.entries = []; // bytes of every entry taken in
    this.tree = new Tree();
    this.verdicts = []; // {code} where void, {} elsewhere
    this.waitsAt = null;

    this.keys = new KeyHistory(origin, this.isCoordinator);
    this.chains = new Map(); // entity -> {id, family, undetermined} (REC-6, REC-13)
    this.counted = new Map(); // entity -> [{position, id, body, record}], those that count
    this.time = 0; // REC-8
    this.acted = null; // size of the coordinator's log that the site acts on (STATE-8)
    this.lastStatePosition = null;
    this.states = []; // positions of decodable log_state records, and whether they count
    this.statesStatus = false;
    this.grants = 0;
    this.status = new StatusTree();
    this.labels = new Map();
    this.numbers = new Set();
    this.decided = new Set();
    this.reviewed = new Map(); // ASS-15: application -> its last review
    this.asked = new Set(); // LBL-6: offerings that an application names
    this.left = new Map(); // XFER-8: number -> label that this log has handed over
    this.answered = new Map();
    this.parts = new Parts();
    this.ties = new Ties();
    this.anchored = new Set();
    this.erased = new Set();
    this.challenges = new Set(); // nonces of statements of conformance that count
    this.importClosed = false;
    this.newOfferings = new Set(); // LBL-31: offerings that came after that
    this.withholdings = new Map(); // index -> position of the withhold record that counts
    this.suspects = []; // indexes of void withhold records that a root key has signed (WITHHOLD-6)
    this.newlyWithheld = undefined; // what makes the log be judged anew
  }

  get size() {
    return this.entries.length;
  }

  // STATE-9: up to where rules read the coordinator's log.
  get view() {
    return this.isCoordinator ? this.verdicts.length : this.acted ?? 0;
  }

  recordsOn(entity) {
    return this.counted.get(hex(entity)) ?? [];
  }

  has(family, entity) {
    return this.recordsOn(entity).length > 0 && this.chains.get(hex(entity)).family === family;
  }

  // WITHHOLD-6: a void withhold record by a root key of the site whose entry no other record withholds.
  isBlocked() {
    return this.suspects.length > 0;
  }

  isUndetermined() {
    return [...this.chains.values()].some(({ family, undetermined }) => undetermined && family === 'label_decision');
  }

  criteriaFor(set, kind) {
    return criteriaFor(this.federation, this.view, set, this.federation.membership(this.site, this.view)?.country, kind);
  }

  // Takes entries in; judges as far as it can. A withheld one may be null.
  append(entries) {
    for (const entry of entries) {
      this.tree.append(entry === null ? this.withheld.get(this.entries.length).leaf : leafHash(entry));
      this.entries.push(entry);
    }
    this.judge();
  }

  judge() {
    this.waitsAt = null;
    while (this.verdicts.length < this.entries.length) {
      const position = this.verdicts.length;
      try {
        this.verdicts.push(this.judgeEntry(position, this.entries[position]));
      } catch (error) {
        if (!(error instanceof Waiting)) throw error;
        this.waitsAt = position;
        return;
      }
      if (this.isCoordinator) this.federation.size = this.verdicts.length;
      if (this.newlyWithheld !== undefined) return;
    }
  }

  judgeEntry(position, bytes) {
    const found = this.withheld.get(position);
    let item;
    try {
      item = found === undefined ? decodeEntry(bytes) : decodeInstead(found);
      if (item === null) return { code: 'entry.withheld' };
    } catch (error) {
      return verdictOf(error);
    }
    item.position = position;
    const { record } = item;
    const family = familyOf(record);
    let verdict;
    try {
      verdict = this.judgeDecodable(item, family, found !== undefined);
    } catch (error) {
      verdict = verdictOf(error);
    }
    if (record.family === 'withhold/1' && verdict !== VALID && this.isSuspect(item)) this.suspects.push(record.body.index);
    if (record.family === 'log_state/1') this.states.push({ position, counts: verdict === VALID });
    this.follow(item, family, verdict);
    if (verdict === VALID || verdict === PASSED) {
      if (found === undefined) this.time = record.time;
    }
    if (verdict === VALID) {
      const name = hex(record.entity);
      if (!this.counted.has(name)) this.counted.set(name, []);
      RULES[family.name].apply?.(this, { ...item, body: record.body });
      this.counted.get(name).push({ position, id: item.id, body: record.body, record });
    }
    if (found !== undefined) return { code: 'entry.withheld' };
    return typeof verdict === 'string' ? {} : verdict;
  }

  isSuspect({ record, signatures, bytes, position }) {
    const { body } = record;
    if (this.isCoordinator || record.log !== this.origin || !FAMILIES.withhold.fits(body) || body.index >= position) return false;
    if (this.withholdings.has(body.index)) return false;
    if (!body.leaf.equals(this.tree.rows[0][body.index])) return false;
    return signatures.every(({ key, signature }) => {
      const known = this.keys.keys.get(hex(key));
      return known?.role === 'root' && isSignature(known.public, signedBytes(bytes), signature);
    });
  }

  // VOID-5 to VOID-14, in this order; of a record that stands instead of a withheld one without VOID-6, VOID-7.
  judgeDecodable(item, family, isInstead) {
    const { record, position } = item;
    if (record.log !== this.origin) refuse('hos.replay', `a record of ${record.log}`); // VOID-5
    if (!isInstead) {
      const signers = item.signatures.map(({ key }) => this.signer(key, item, family)); // VOID-6
      item.signatures.forEach(({ signature }, i) => checkSignature(signers[i], signedBytes(item.bytes), signature)); // VOID-7
    }
    const chain = this.chains.get(hex(record.entity));
    if (!this.isNext(record)) refuse('lbl.conflict', 'prev is not the last entry on the entity'); // VOID-8
    if (chain !== undefined && chain.family !== family.name) refuse('rec.family', `an entity of ${chain.family}`); // VOID-9
    if (record.time < this.time) refuse('rec.time', 'time falls'); // VOID-10
    if (family.known === null) return PASSED; // VOID-11
    if (chain?.undetermined || this.isBeyond(record, family)) return PASSED; // VOID-12
    this.checkWhere(family.known, position); // VOID-13
    if (!family.known.fits(record.body)) refuse('rec.body', `not a body of ${family.name}`); // VOID-14
    RULES[family.name].check(this, { ...item, body: record.body });
    return VALID;
  }

  // VOID-6: the public key of a signature.
  signer(id, { record, position }, family) {
    const role = this.roleOf(id, record, position, family);
    const roles = family.known === null ? ['registrar', 'decision'] : [family.known.role];
    if (!roles.includes(role.role)) refuse('sig.role', `a ${role.role} key`);
    return role.public;
  }

  roleOf(id, record, position, family) {
    const isKeys = family.name === 'site_keys';
    const known = this.keys.keys.get(hex(id));
    if (known !== undefined) {
      if (!KeyHistory.countsAt(known, position)) refuse('sig.key-retired', 'the key does not count here');
      return known;
    }
    const candidates = [];
    if (this.keys.records.length === 0) {
      if (this.firstRoot !== undefined) candidates.push(this.firstRoot);
    } else if (isKeys && this.isNewKeyRecord(record, family)) candidates.push(...this.rootCandidates(record.body)); // STATE-5
    const root = candidates.find((publicKey) => keyId(publicKey).equals(id));
    if (root === undefined) refuse('sig.unknown-key', `key ${hex(id)}`);
    return { role: 'root', public: root };
  }

  // VOID-6: only a record that fits, on the entity of those before, may be signed by a new root key.
  isNewKeyRecord(record, { known, otherMajor }) {
    return !otherMajor && known.fits(record.body) && record.entity.equals(this.keys.entity);
  }

  // STATE-5: what may replace the root key.
  rootCandidates({ appointed, root }) {
    const isNamed = isSuccessor(root, this.keys.latest.body.next_root) || (this.isCoordinator && appointed !== undefined); // SUCC-4
    const membership = this.federation.membership(this.site, this.view);
    return isNamed || membership?.root.equals(root) ? [root] : [];
  }

  // REC-6
  isNext(record) {
    const last = this.chains.get(hex(record.entity))?.id;
    return last === undefined ? record.prev === undefined : record.prev !== undefined && record.prev.equals(last);
  }

  // REC-13: another major, or a name in `crit` that is no field this reader knows.
  isBeyond(record, family) {
    return family.otherMajor || (record.crit ?? []).some((name) => !Object.hasOwn(family.known.table, name));
  }

  // VOID-13, MEM-8
  checkWhere({ where }, position) {
    if (where === ANY || (where === CARETAKER && this.isCoordinator)) return;
    if (where === COORDINATOR) {
      if (!this.isCoordinator) refuse('lbl.competence', 'a family of the coordinator');
      return;
    }
    const inactive = (message) => refuse('mem.inactive', message);
    if (this.isCoordinator || this.acted === null) inactive('has acted on no head');
    const membership = this.federation.membership(this.site, this.acted);
    if (membership?.status !== 'admitted' || membership.origin !== this.origin) inactive('not admitted with this log');
    const ends = this.federation.all('ends', this.origin);
    if (ends.some((end) => end.body.size <= position && this.acted <= end.position)) inactive('beyond the end of the log');
  }

  // VOID-15, REC-13: a decodable entry becomes the last one on its entity, void or not.
  follow({ record, id }, family, verdict) {
    if (!this.isNext(record)) return;
    const name = hex(record.entity);
    const chain = this.chains.get(name) ?? { family: family.name, undetermined: false };
    chain.id = id;
    this.chains.set(name, chain);
    if (verdict === PASSED && family.known !== null) {
      chain.undetermined = true;
      const label = this.labels.get(name);
      if (label !== undefined) label.undetermined = true;
    }
  }
}

const verdictOf = (error) => {
  if (error instanceof Refusal) return { code: error.code, message: error.message };
  throw error;
};

// VOID-3, VOID-4
export function decodeEntry(bytes) {
  const entry = parseEntry(bytes);
  return { id: entry.id, signatures: entry.signatures, bytes: entry.record, record: parseRecord(entry.record) };
}

// WITHHOLD-4: the record that holds at the position of a withheld entry, or null.
function decodeInstead({ leaf, instead }) {
  return instead === undefined ? null : { id: leaf, signatures: [], bytes: instead, record: parseRecord(instead) };
}

// Judges a whole log. Where a record withholds an earlier entry, the log is judged anew as if that had never
// been seen (WITHHOLD-4), and that record counts if the log then holds together (WITHHOLD-5).
export function judgeLog(options, entries) {
  const withheld = new Map(gapsOf(entries));
  const triedInVain = new Set();
  for (;;) {
    const judge = new LogJudge({ ...options, withheld, triedInVain });
    judge.append(entries);
    if (judge.newlyWithheld === undefined) return judge;
    withheld.set(judge.newlyWithheld.index, judge.newlyWithheld);
  }
}

// What withholds the entries that are null, [[index, {index, position, leaf, instead}], ...] (WITHHOLD-9).
function gapsOf(entries) {
  if (!entries.includes(null)) return [];
  return entries.flatMap((entry, position) => {
    const item = entry === null ? null : decodable(entry);
    if (item === null || item.record.family !== 'withhold/1' || !FAMILIES.withhold.fits(item.record.body)) return [];
    const { index, leaf, instead } = item.record.body;
    return entries[index] === null ? [[index, { index, position, leaf, instead }]] : [];
  });
}

function decodable(bytes) {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    verdictOf(error);
    return null;
  }
}
