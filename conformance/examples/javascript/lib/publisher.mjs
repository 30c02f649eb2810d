// A site's own log: its keys, its batches on disk, its signed heads (STATE-6, VOID-17, EXCH-11).
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { decode, encode } from './encoding.mjs';
import { hex, sha256 } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { FAMILIES } from './families.mjs';
import { KeyPair } from './keys.mjs';
import { KeyHistory } from './keyhistory.mjs';
import { writeEntry } from './record.mjs';
import { signCheckpoint } from './checkpoint.mjs';
import { judgeLog } from './judge.mjs';
import { parseNote } from './note.mjs';
import { Fence } from './fence.mjs';
import { isTradeItem } from './gtin.mjs';
import { fetchEntries, pathOf } from './follow.mjs';
import { EntryFile, readFile, replaceFile } from './store.mjs';
import { CompactRange, leafHash } from './tree.mjs';

const ROLES = ['log', 'witness', 'registrar', 'decision', 'access'];

export class Publisher {
  constructor({ directory, origin, mirror, fence }) {
    mkdirSync(directory, { recursive: true });
    Object.assign(this, { directory, origin, mirror });
    this.pairs = this.loadKeys();
    this.file = new EntryFile(directory);
    this.broken = false;
    this.queue = Promise.resolve();
    this.listeners = new Set(); // told of every new head
    this.intent = this.loadIntent();
    this.note = readFile(join(directory, 'checkpoint'));
    if (this.file.entries.length === 0) this.begin();
    this.judgeAnew();
    this.fence = fence ?? new Fence(this);
  }

  // The seeds are there before anything is signed with them.
  loadKeys() {
    const path = join(this.directory, 'keys');
    if (readFile(path) === null) {
      const seeds = Object.fromEntries(['root', 'next_root', ...ROLES].map((role) => [role, randomBytes(32)]));
      replaceFile(path, encode(seeds), 0o600);
    }
    return Object.fromEntries(Object.entries(decode(readFile(path))).map(([role, seed]) => [role, new KeyPair(seed)]));
  }

  loadIntent() {
    const bytes = readFile(join(this.directory, 'intent'));
    return bytes === null ? { size: 0, root: null } : decode(bytes);
  }

  get site() {
    return this.origin.split('/')[1];
  }

  get entries() {
    return this.file.entries;
  }

  get tree() {
    return this.judge.tree;
  }

  // How much of the log is published: the size of the last signed head.
  get published() {
    return this.note === null ? 0 : Number(this.note.toString().split('\n')[1]);
  }

  judgeAnew(entries = this.entries) {
    this.judge = judgeLog({ origin: this.origin, root: this.pairs.root.public, federation: this.mirror.federation }, entries);
    this.endsSeen = this.mirror.federation.all('ends', this.origin).length;
  }

  // What the coordinator says about the end of this log is judged anew (MEM-8), what waited is judged now.
  catchUp() {
    if (this.mirror.federation.all('ends', this.origin).length !== this.endsSeen) this.judgeAnew();
    else this.judge.judge();
  }

  // STATE-2: entry 0 and the log_state that ends its batch.
  begin() {
    const body = {
      keys: ROLES.map((role) => ({ public: this.pairs[role].public, role })),
      next_root: sha256(this.pairs.next_root.public),
      root: this.pairs.root.public,
    };
    const first = this.sign('site_keys/1', body, randomBytes(16), undefined, Date.now());
    this.file.append([first]);
    this.judgeAnew();
    this.file.entries.pop();
    const state = this.stateEntry(this.judge);
    this.file.entries.push(first);
    this.file.append([state]);
  }

  sign(family, body, entity, prev, time) {
    const name = family.split('/')[0];
    const role = Object.hasOwn(FAMILIES, name) ? FAMILIES[name].role : 'registrar';
    const record = encode({ body, entity, family, log: this.origin, prev, salt: randomBytes(16), time, v: 1 });
    return writeEntry(record, [this.pairs[role]]);
  }

  // A record at the end of `judge`'s log (REC-6, REC-8, REC-9).
  entryFor(judge, { family, body, entity = randomBytes(16) }) {
    const prev = judge.chains.get(hex(entity))?.id;
    return this.sign(family, body, entity, prev, Math.max(Date.now(), judge.time));
  }

  // STATE-6 to STATE-11; the head that the mirror holds, once the site has a membership there (STATE-8).
  stateEntry(judge) {
    const { federation, size } = this.mirror;
    const joined = judge.acted !== null || federation.membership(this.site, size)?.origin === this.origin;
    const body = {
      certificates: judge.grants,
      coordinator: joined ? { root: federation.rootAt(size), size } : undefined,
      keys: judge.keys.latest.id,
      status_root: judge.status.root(),
      withheld: judge.withholdings.size || undefined,
    };
    const before = [...judge.chains].find(([, chain]) => chain.family === 'log_state');
    return this.entryFor(judge, { family: 'log_state/1', body, entity: before === undefined ? undefined : Buffer.from(before[0], 'hex') });
  }

  isBehind() {
    const { federation, size } = this.mirror;
    const joined = federation.membership(this.site, size)?.origin === this.origin;
    return joined && (this.judge.acted ?? -1) < size;
  }

  // One batch after another.
  inTurn(work) {
    const result = this.queue.then(work);
    this.queue = result.catch(() => {});
    return result;
  }

  // Whether the coordinator's latest head says something that this site should act on by itself.
  actOnMembership() {
    return this.inTurn(() => {
      const { federation } = this.mirror;
      const seen = federation.membership(this.site, this.judge.acted ?? 0);
      if (this.isBehind() && seen !== federation.membership(this.site)) this.commit([]);
    });
  }

  // {indexes, entities} of records, when they are durable and under a signed head; of {entry}, signed elsewhere,
  // the index alone (EXCH-15).
  append(records) {
    return this.inTurn(() => this.commit(records));
  }

  commit(records) {
    if (this.broken) refuse('unavailable', 'a write has failed');
    this.fence.check();
    this.checkOpen();
    this.catchUp();
    const before = this.judge.size;
    const batch = [];
    const take = (entry) => {
      this.judge.append([entry]);
      batch.push(entry);
      const { code, message } = this.judge.verdicts[this.judge.size - 1] ?? {};
      if (code !== undefined) refuse(code, message); // VOID-17
      if (this.judge.newlyWithheld !== undefined) this.judgeAnew([...this.entries, ...batch]); // WITHHOLD-4
    };
    const indexes = [];
    const entities = [];
    try {
      if (this.judge.waitsAt !== null) refuse('unavailable', 'the log waits for a head of the coordinator');
      if (this.isBehind()) take(this.stateEntry(this.judge));
      for (const { entry, ...record } of records) {
        if (entry !== undefined) {
          const known = this.tree.rows[0].findIndex((leaf) => leaf.equals(leafHash(entry)));
          indexes.push(known < 0 ? this.judge.size : known);
          if (known < 0) take(entry);
          continue;
        }
        if (record.family === 'offering/1' && typeof record.body?.gtin === 'string' && !isTradeItem(record.body.gtin)) {
          refuse('doc.identifier', 'gtin: expected 8, 12, 13 or 14 digits, the last of which checks the others'); // DOC-9
        }
        const entity = record.entity ?? randomBytes(16);
        indexes.push(this.judge.size);
        entities.push(entity);
        take(this.entryFor(this.judge, { ...record, entity }));
      }
      if (batch.length === 0 && records.length > 0) return { indexes, entities }; // all of it was there
      take(this.stateEntry(this.judge));
      this.write(batch);
    } catch (error) {
      if (!(error instanceof Refusal)) this.broken = true; // what the disk holds is known after a restart only
      if (error.code === 'ENOSPC') refuse('storage-full', 'the disk is full');
      if (this.judge.size !== before) this.judgeAnew(); // nothing of the batch was written
      throw error;
    }
    this.publish();
    return { indexes, entities };
  }

  // The batch is durable when this returns; entries that it withholds are gone with it (WITHHOLD-8).
  write(batch) {
    const all = [...this.entries, ...batch].map((entry, index) => (this.judge.withholdings.has(index) ? null : entry));
    if (all.every((entry, index) => entry !== null || this.entries[index] === null)) this.file.append(batch);
    else {
      this.file.rewrite(all);
      this.judgeAnew();
    }
  }

  // EPOCH-4
  checkOpen() {
    const membership = this.mirror.federation.membership(this.site);
    if (membership !== undefined && membership.origin !== this.origin) refuse('fence.closed', 'another log continues this one');
  }

  // EXCH-11: the intent is durable before the signature exists.
  publish() {
    const size = this.judge.size;
    if (size === this.published) return;
    const root = this.tree.root();
    replaceFile(join(this.directory, 'intent'), encode({ size, root }));
    this.intent = { size, root };
    const logPairs = [this.pairs.log].filter((pair) => {
      const key = this.judge.keys.ofPublic(pair.public);
      return key !== undefined && KeyHistory.maySign(key, size); // KEY-9
    });
    if (logPairs.length === 0) refuse('ckp.signature', 'no log key that may sign this size');
    const note = Buffer.from(signCheckpoint({ origin: this.origin, size, root }, logPairs));
    replaceFile(join(this.directory, 'checkpoint'), note);
    this.note = note;
    for (const listener of this.listeners) listener(this);
  }

  // The log's own lines under a head, without those of others.
  noteOf(text) {
    return Buffer.from(`${text}\n${parseNote(this.note).signatures.filter(({ name }) => name === this.origin).map(({ line }) => line).join('')}`);
  }

  // WIT-9: serves a cosignature that was verified, as long as its head is the latest.
  addCosignature(text, line) {
    const note = parseNote(this.note);
    if (note.text !== text) return;
    const name = line.split(' ')[1];
    const others = note.signatures.filter((one) => one.name !== name).map((one) => one.line);
    this.note = Buffer.from(`${text}\n${others.join('')}${line}`);
    for (const listener of this.listeners) listener(this); // WIT-10
  }

  // FENCE-4: takes back what others hold of this log and the disk has lost, under a head of its own signature.
  fetchMissing(allowed) {
    return this.inTurn(async () => {
      const head = this.fence.missing;
      if (head?.url === undefined) return;
      const fresh = await fetchEntries(`${head.url}${pathOf(this.origin)}`, this.entries.length, head.size, allowed);
      if (!fresh.every(Buffer.isBuffer)) refuse('unavailable', 'a withheld entry is among what was lost');
      const range = new CompactRange();
      for (const hash of this.tree.rows[0]) range.append(hash);
      for (const entry of fresh) range.append(leafHash(entry));
      if (!range.root().equals(head.root)) refuse('hos.bundle', 'the entries lead to another root'); // SYNC-4
      this.file.append(fresh);
      this.judgeAnew();
    });
  }

  // Signs what was acknowledged before the node stopped, once it may sign.
  resume() {
    return this.inTurn(() => {
      try {
        this.fence.check();
        this.checkOpen();
        this.catchUp();
        this.publish();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
      }
    });
  }
}
