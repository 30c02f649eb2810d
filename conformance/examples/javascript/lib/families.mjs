// The tables of the families' bodies (REC-7), the roles that sign them (KEY-7) and where they count (VOID-13).
import {
  array, bytes, bytesBetween, certificateNumber, civilDate, code, count, country, cut, end, head, integer,
  language, line, longTextByLanguage, map, oneOf, optional, origin, prefix, reference, shortText, siteCode, textByLanguage, url,
} from './fields.mjs';
import { refuse } from './refusal.mjs';

const COORDINATOR = 'coordinator'; // counts in the coordinator's log
const MEMBER = 'member'; // counts in the log of an admitted member
const CARETAKER = 'caretaker'; // counts in the coordinator's log and in that of an admitted member
const ANY = 'any';

const ACTIONS = [
  'grant', 'refuse', 'renew', 'extend_scope', 'reduce_scope', 'suspend', 'reinstate', 'revoke',
  'terminate_on_request', 'transfer_in', 'transfer_out', 'correct',
];
const REASONS = [
  'nc_not_closed', 'criteria_change', 'misuse_of_mark', 'refused_surveillance', 'fees_unpaid', 'false_information',
  'insolvency', 'holder_request', 'product_discontinued', 'complaint_upheld', 'appeal_upheld', 'other',
];
const entry = bytesBetween(0, 65535);
const version = integer(1, 100000);
const erasureReason = oneOf('request', 'court_order', 'mistake', 'retention_ended', 'other');
const offeringKind = oneOf('product', 'service', 'production_step', 'material_recovery');
const standing = oneOf('proposed', 'active', 'deprecated');

// SUCC-10: [member, entity, salt, time, signature]
const voteTypes = [integer(0, 255), bytes(16), bytes(16), count, bytes(64)];
const vote = Object.assign(
  (value) => Array.isArray(value) && value.length === 5 && voteTypes.every((type, i) => type(value[i])),
  { items: voteTypes },
);

// SUCC-3
const appointed = map({
  approvals: array(1, 64, entry),
  head: bytesBetween(1, 4096),
  members: array(1, 256, map({ origin, root: bytes(32) })),
  path: array(0, 63, bytes(32)),
  state: bytesBetween(1, 4096),
  votes: optional(array(1, 128, vote)), // SUCC-10
});

// CDL-3, LBL-23
const listed = optional(array(1, 32, map({ code, list: code, version: code })));
const codes = optional(array(1, 32, code));

const approvers = optional(array(1, 64, siteCode)); // STATE-15

const family = (role, where, table) => ({ role, where, table, fits: map(table) });

export const FAMILIES = {
  site_keys: family('root', ANY, {
    appointed: optional(appointed),
    approvers,
    continues: optional(end),
    keys: array(1, 64, map({ public: bytes(32), role: oneOf('log', 'witness', 'registrar', 'decision', 'access') })),
    next_root: bytes(32),
    renew_by: optional(array(1, 65, map({ by: civilDate, key: bytes(32) }))),
    revoked: optional(array(1, 64, map({ key: bytes(32), size: count }))),
    root: bytes(32),
  }),
  log_state: family('registrar', ANY, {
    certificates: count,
    coordinator: optional(head),
    keys: bytes(32),
    members: optional(bytes(32)),
    status_root: optional(bytes(32)),
    withheld: optional(count),
  }),
  serve_alone: family('registrar', ANY, { peers: count, reason: line }),
  site_membership: family('registrar', COORDINATOR, {
    abandoned: optional(array(1, 64, head)),
    approvals: optional(array(1, 64, entry)),
    conformance: optional(bytes(32)),
    conformance_until: optional(civilDate),
    country,
    effective_date: civilDate,
    ends: optional(cut),
    epoch: optional(bytesBetween(1, 16384)),
    languages: array(1, 20, language),
    mandate: optional(bytesBetween(1, 16384)),
    name: textByLanguage,
    origin,
    prefix,
    root: bytes(32),
    site: siteCode,
    status: oneOf('applicant', 'admitted', 'suspended', 'left', 'expelled'),
    succession: optional(array(2, 16, entry)),
    successor: optional(siteCode),
    urls: array(1, 8, url),
    zone: line,
  }),
  key_recovery: family('root', MEMBER, { before: bytes(32), origin, root: bytes(32) }),
  scheme: family('registrar', COORDINATOR, {
    effective_date: civilDate,
    grace_days: integer(0, 12000),
    kind: oneOf('product', 'service', 'product+service'),
    max_validity_months: integer(1, 1200),
    scheme: code,
    status: standing,
    surveillance_interval_months: integer(0, 12000),
    title: textByLanguage,
  }),
  criterion: family('registrar', COORDINATOR, {
    applies_from: civilDate,
    code,
    country: optional(country),
    dimension: oneOf('economic', 'ecological', 'regional', 'social'),
    equivalents: optional(array(1, 32, url)),
    kind: oneOf('threshold', 'boolean', 'score', 'narrative'),
    obligation: oneOf('mandatory', 'points'),
    offerings: optional(array(1, 4, offeringKind)),
    operator: optional(oneOf('>=', '<=', '=')),
    points: optional(count),
    principle: oneOf('resource_saving', 'regional_inputs', 'quality', 'innovation', 'social_participation'),
    scheme: code,
    status: standing,
    text: optional(longTextByLanguage),
    threshold: optional(count),
    threshold_scale: optional(integer(0, 9)),
    tightens: optional(code),
    title: textByLanguage,
    transition_until: optional(civilDate),
    unit: optional(line),
    verification: optional(array(1, 4, oneOf('document', 'on_site', 'test', 'third_party_label'))),
    version,
  }),
  organisation: family('registrar', MEMBER, {
    activities: optional(array(1, 32, code)),
    actor_type: oneOf(
      'social_enterprise', 'enterprise', 'public_institution', 'consulting_institution', 'support_organisation',
      'funder', 'knowledge_institution', 'network', 'service_site',
    ),
    codes: listed,
    country,
    effective_date: civilDate,
    nuts: optional(code),
    status: oneOf('active', 'inactive', 'dissolved', 'moved_to_site'),
  }),
  offering: family('registrar', MEMBER, {
    codes: listed,
    cpv: codes,
    effect_scale: optional(oneOf('local', 'regional', 'national', 'european', 'global')),
    effective_date: civilDate,
    gtin: optional(code),
    kind: offeringKind,
    organisation: bytes(16),
    status: oneOf('draft', 'published', 'paused', 'withdrawn'),
  }),
  label_decision: family('decision', MEMBER, {
    action: oneOf(...ACTIONS),
    appeal_until: optional(civilDate),
    application: optional(bytes(16)),
    basis: oneOf('assessed', 'imported'),
    certificate: optional(certificateNumber),
    corrects: optional(count),
    decided_on: optional(civilDate),
    decider: optional(bytes(16)),
    effective_date: optional(civilDate),
    offering: optional(bytes(16)),
    reason_code: optional(oneOf(...REASONS)),
    receiver: optional(siteCode),
    receiver_entity: optional(bytes(16)),
    refused_on: optional(civilDate),
    rests_on: optional(array(1, 32, reference)),
    review: optional(bytes(16)),
    scheme: optional(code),
    scope: optional(map({ areas: codes, cpv: codes })),
    source: optional(bytesBetween(8, 32)),
    standing: optional(oneOf('active', 'suspended')),
    status_index: optional(count),
    suspended_until: optional(civilDate),
    takes: optional(reference),
    valid_from: optional(civilDate),
    valid_until: optional(civilDate),
  }),
  organisation_relation: family('registrar', MEMBER, {
    organisation: bytes(16),
    relations: array(0, 32, map({
      kind: oneOf('successor_of', 'merged_into', 'part_of', 'same_as'), organisation: bytes(16), since: civilDate, site: optional(siteCode),
    })),
  }),
  codelist: family('registrar', COORDINATOR, {
    digest: bytes(32),
    licence: optional(line),
    list: code,
    size: integer(1, 100000),
    title: optional(textByLanguage),
    uri: optional(url),
    valid_from: civilDate,
    version: code,
  }),
  criteria_set: family('registrar', COORDINATOR, {
    applies_from: civilDate,
    criteria: array(1, 256, map({ code, version })),
    min_points: optional(count),
    published_on: civilDate,
    scheme: code,
    transition_until: optional(civilDate),
    version,
  }),
  assessor_authorisation: family('registrar', MEMBER, {
    basis: oneOf('iso17065', 'iso17020', 'site_staff', 'peer'),
    criteria: optional(array(1, 256, code)),
    effective_date: civilDate,
    level: oneOf('second_party', 'third_party'),
    organisation: optional(bytes(16)),
    person: bytes(16),
    scheme: code,
    status: oneOf('active', 'suspended', 'withdrawn'),
    valid_from: civilDate,
    valid_until: civilDate,
  }),
  label_application: family('registrar', MEMBER, {
    applicant: bytes(16),
    criteria_version: version,
    effective_date: civilDate,
    kind: oneOf('initial', 'renewal', 'scope_extension', 'transfer'),
    label: optional(bytes(16)),
    offering: bytes(16),
    scheme: code,
    step: oneOf('submitted', 'returned', 'lapsed', 'refused_intake', 'accepted', 'withdrawn'),
  }),
  evaluation: family('registrar', MEMBER, {
    application: optional(bytes(16)),
    assessors: array(1, 16, map({ authorisation: optional(bytes(16)), person: bytes(16) })),
    criteria_version: version,
    findings: array(1, 256, map({
      code,
      documents: optional(array(1, 16, count)),
      due: optional(civilDate),
      points: optional(count),
      result: oneOf('conform', 'minor_nc', 'major_nc', 'not_applicable', 'not_assessed'),
      value: optional(count),
    })),
    kind: oneOf('initial', 'surveillance', 'recertification', 'special'),
    label: optional(bytes(16)),
    level: oneOf('self', 'second_party', 'third_party'),
    method: oneOf('document', 'on_site', 'test', 'interview'),
    performed_on: civilDate,
    recommendation: oneOf('positive', 'conditional', 'negative'),
  }),
  review: family('registrar', MEMBER, {
    application: bytes(16),
    evaluations: array(1, 32, bytes(16)),
    outcome: oneOf('recommend_grant', 'recommend_refuse', 'return'),
    reviewed_on: civilDate,
    reviewer: bytes(16),
  }),
  import_closed: family('registrar', MEMBER, { effective_date: civilDate }),
  complaint: family('registrar', MEMBER, {
    certificate: certificateNumber,
    kind: oneOf('non_conformity', 'misuse', 'procedure'),
    received_on: civilDate,
    withdrawn_on: optional(civilDate),
  }),
  complaint_answer: family('registrar', MEMBER, {
    complaint: bytes(32),
    effective_date: civilDate,
    index: count,
    label: bytes(16),
    origin,
    person: optional(bytes(16)),
    step: oneOf('acknowledged', 'investigating', 'upheld', 'dismissed', 'closed'),
  }),
  appeal: family('registrar', MEMBER, {
    decision: count,
    effective_date: civilDate,
    label: bytes(16),
    panel: optional(array(1, 16, bytes(16))),
    person: optional(bytes(16)),
    step: oneOf('received', 'panel', 'upheld', 'partly_upheld', 'rejected', 'withdrawn'),
  }),
  conformance_statement: family('registrar', ANY, {
    artefact: optional(bytes(32)),
    began: count,
    counts: map({ not_applicable: count, passed: count, waived: count, warned: count }),
    deployment: optional(line),
    ended: count,
    features: optional(array(1, 64, code)),
    nonce: bytes(32),
    profiles: array(1, 5, oneOf('coordinator', 'peer', 'publisher', 'reader', 'witness')),
    report: bytes(32),
    requirements: bytes(32),
    results: bytes(32),
    runner: oneOf('self', 'coordinator', 'third_party'),
    software: line,
    suite: bytes(32),
    suite_version: optional(line),
    valid_until: civilDate,
    version: line,
    waivers: optional(array(1, 64, map({ case: code, reason: line }))),
  }),
  erasure: family('registrar', ANY, {
    deadline: civilDate,
    document: integer(0, 255),
    index: count,
    reason: erasureReason,
  }),
  orphan_erasure: family('registrar', CARETAKER, {
    deadline: civilDate,
    document: integer(0, 255),
    index: count,
    origin,
    reason: erasureReason,
  }),
  erasure_receipt: family('registrar', ANY, { erasure: bytes(32), index: count, origin }),
  withhold: family('root', ANY, {
    index: count,
    instead: optional(bytesBetween(1, 32768)),
    leaf: bytes(32),
    reason: oneOf('personal_data', 'court_order', 'mistake', 'other'),
  }),
  witness_policy: family('registrar', COORDINATOR, {
    faulty: integer(0, 63),
    quorum: optional(integer(1, 64)),
    witnesses: array(1, 64, siteCode),
  }),
  anchor: family('root', ANY, {
    evidence: optional(bytesBetween(1, 24576)),
    leaves: optional(array(2, 2, bytes(32))),
    origin,
    root: bytes(32),
    size: count,
    successor: optional(bytes(32)),
    urls: optional(array(1, 8, url)),
  }),
};

const MAJOR = 1;

// REC-7: the body of a record of a family and major of this text must fit.
export function checkBody(record) {
  const { name, known, otherMajor } = familyOf(record);
  if (known !== null && !otherMajor && !known.fits(record.body)) refuse('rec.body', `not a body of ${name}`);
}

// {name, major, known}: `known` is the family's table where name and major are of this text, `otherMajor`
// where only the name is (REC-13).
export function familyOf(record) {
  const [name, major] = record.family.split('/');
  const known = Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : null;
  return { name, known, otherMajor: known !== null && Number(major) !== MAJOR };
}

export const commitment = map({
  commitment: bytes(32),
  name: shortText,
  parties: optional(array(1, 32, siteCode)),
  size: integer(0, 26214400),
  type: shortText,
  visibility: oneOf('public', 'members', 'parties', 'site'),
});

export { ANY, CARETAKER, COORDINATOR, MEMBER };
