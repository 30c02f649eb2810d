// WIT-8, WIT-9: asking the witnesses of the policy in force to cosign every new head of this log.
import { hex } from './bytes.mjs';
import { Refusal } from './refusal.mjs';
import { limits, parseKeys } from './bundle.mjs';
import { parseSize } from './checkpoint.mjs';
import { cosignatureTime } from './cosignature.mjs';
import { originParts } from './federation.mjs';
import { pathOf } from './follow.mjs';
import { followKeys } from './keyhistory.mjs';
import { COSIGNATURE, verifierKey } from './keys.mjs';
import { parseNote } from './note.mjs';
import { call, get } from './reach.mjs';

const MAX_ANSWER = 65_536;
const DEADLINE = 5_000;
const AGAIN = 1_800_000; // ms after which the same head is shown again
const PAUSE = [1_000, 60_000]; // ms after the first failure, and at most

// What is known of one witness: `size` is what it has cosigned last of this log.
const newWitness = () => ({ size: 0, text: null, time: 0, pause: 0, notBefore: 0, isAsked: false });

export class Cosigners {
  constructor({ publisher, mirror, urls, allowed }) {
    Object.assign(this, { publisher, mirror, urls, allowed });
    this.witnesses = new Map(); // by site code
  }

  // Asks whoever is due, each by itself; nobody waits for it (WIT-8).
  ask() {
    const { mirror, publisher } = this;
    const policy = mirror.federation.latest('policy', '');
    if (policy === undefined || publisher.note === null) return;
    for (const site of policy.witnesses) {
      if (!this.witnesses.has(site)) this.witnesses.set(site, newWitness());
      const witness = this.witnesses.get(site);
      const { text } = parseNote(publisher.note);
      const isDue = witness.text !== text || Date.now() > witness.time + AGAIN;
      if (site !== publisher.site && isDue && !witness.isAsked && Date.now() >= witness.notBefore) this.askOne(site, witness, text);
    }
  }

  async askOne(site, witness, text) {
    witness.isAsked = true;
    try {
      const { line, size } = await this.cosigned(site, witness, text);
      Object.assign(witness, { text, size, time: Date.now(), pause: 0 });
      this.publisher.addCosignature(text, line);
    } catch (error) {
      if (!(error instanceof Refusal)) process.stderr.write(`${error.stack}\n`);
      witness.pause = Math.min(PAUSE[1], Math.max(PAUSE[0], 2 * witness.pause));
      witness.notBefore = Date.now() + witness.pause;
    } finally {
      witness.isAsked = false;
    }
  }

  // {line, size}: a cosignature that verifies, at the first address of the witness that gives one.
  async cosigned(site, witness, text) {
    let last = new Refusal('hos.unreachable', 'a witness without an address');
    for (const url of this.urlsOf(site).map((one) => one.replace(/\/$/, ''))) {
      try {
        const keys = await this.keysOf(site, url);
        const answer = await this.add(url, witness.size, text);
        const other = answer.status === 409 ? parseSize(answer.body.toString().trim()) : null;
        const mine = parseSize(text.split('\n')[1]);
        // What another size is said to be is believed up to this log's own (WIT-8).
        const { status, body } = other === null || other > mine ? answer : await this.add(url, other, text);
        if (status !== 200) throw new Refusal('hos.status', `status ${status}`);
        return { line: findLine(text, body, keys), size: mine };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        last = error;
      }
    }
    throw last;
  }

  urlsOf(site) {
    const isCoordinator = site === originParts(this.mirror.origin).site;
    return isCoordinator ? this.urls() : this.mirror.federation.membership(site)?.urls ?? [];
  }

  // WIT-13: the keys of role witness in force in the site's own log, as verifier keys.
  async keysOf(site, url) {
    const { mirror, publisher, allowed } = this;
    const federation = publisher.origin.split('/')[0];
    const { origin, root } = mirror.federation.membership(site) ?? mirror;
    const records = parseKeys(await get(`${url}${pathOf(origin)}/keys`, { limit: limits.keys, deadline: DEADLINE, allowed }));
    const history = followKeys(origin, origin === mirror.origin, root, records);
    const known = [...history.keys.values()].filter(({ role, until }) => role === 'witness' && until === null);
    return known.map((key) => verifierKey(`${federation}/${site}/witness`, COSIGNATURE, key.public));
  }

  // COS-4
  add(url, old, text) {
    const { publisher, allowed } = this;
    const size = parseSize(text.split('\n')[1]);
    const proof = old === 0 || old > size ? [] : publisher.tree.consistency(old, size);
    const hashes = proof.map((hash) => `${hash.toString('base64')}\n`).join('');
    const body = Buffer.concat([Buffer.from(`old ${old}\n${hashes}\n`), publisher.noteOf(text)]);
    const options = { method: 'POST', body, limit: MAX_ANSWER, deadline: DEADLINE, allowed, statuses: [200, 409] };
    return call(`${url}/witness/add-checkpoint`, options);
  }
}

// The line of one of these keys that verifies; what else is in the answer is passed over.
function findLine(text, body, keys) {
  const { signatures } = parseNote(Buffer.concat([Buffer.from(`${text}\n`), body]));
  for (const line of signatures) {
    const key = keys.find(({ name, id }) => name === line.name && id === line.id);
    if (key === undefined) continue;
    cosignatureTime(line, text, key);
    return line.line;
  }
  throw new Refusal('ckp.cosignature', `no line of ${keys.map(({ name, public: key }) => `${name} ${hex(key).slice(0, 8)}`).join(', ')}`);
}
