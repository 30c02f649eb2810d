// SYNC: the mirror of the coordinator's log that this node follows.
import { join } from 'node:path';
import { refuse } from './refusal.mjs';
import { parseBundle, limits, parseKeys } from './bundle.mjs';
import { openCheckpoint } from './checkpoint.mjs';
import { followKeys } from './keyhistory.mjs';
import { judgeLog } from './judge.mjs';
import { get } from './reach.mjs';
import { EntryFile, readFile, replaceFile } from './store.mjs';
import { cuts, indexPath, WIDTH } from './tile.mjs';
import { CompactRange, leafHash } from './tree.mjs';

const MAX_NOTE = 1_000_000;

export const pathOf = (origin) => `/log/${origin.split('/').slice(1).join('/')}`;

// The items of the bundles of a log from one size to another; `base` is the URL of the log.
export async function fetchEntries(base, from, size, allowed) {
  const fresh = [];
  for (const [index, width] of cuts(size)) {
    const first = index * WIDTH;
    if (first + width <= from) continue;
    const partial = width === WIDTH ? '' : `.p/${width}`;
    const bundle = await get(`${base}/bundle/${indexPath(index)}${partial}`, { limit: limits.bundle, allowed });
    fresh.push(...parseBundle(bundle, width).slice(Math.max(0, from - first)));
  }
  return fresh;
}

export class Mirror {
  // `urls` gives where the log may be had at present; `allowed` the networks that may be called.
  constructor({ directory, origin, root, urls, allowed }) {
    Object.assign(this, { directory, origin, root, urls, allowed });
    this.file = new EntryFile(directory);
    this.judge = judgeLog({ origin, root }, this.file.entries);
    this.note = readFile(join(directory, 'checkpoint')); // null until a head is held (SYNC-5)
  }

  get federation() {
    return this.judge.federation;
  }

  get size() {
    return this.judge.size;
  }

  get tree() {
    return this.judge.tree;
  }

  get entries() {
    return this.file.entries;
  }

  // What may be served: the entries under the head that is held (SYNC-5).
  get published() {
    return this.note === null ? 0 : Number(this.note.toString().split('\n')[1]);
  }

  fetch(path, limit) {
    return get(`${this.from}${pathOf(this.origin)}/${path}`, { limit, allowed: this.allowed });
  }

  // One pull from the first node that gives something; refused with the code of the last.
  async pull() {
    let last = null;
    for (const url of this.urls()) {
      this.from = url.replace(/\/$/, '');
      try {
        return await this.pullOnce();
      } catch (error) {
        last = error;
      }
    }
    if (last !== null) throw last;
    return false;
  }

  async pullOnce() {
    const bytes = await this.fetch('checkpoint', MAX_NOTE);
    const head = await this.open(bytes);
    if (head.size < this.size) refuse('hos.rollback', 'a smaller head than the one held');
    if (head.size === this.size) {
      if (!head.root.equals(this.tree.root())) refuse('hos.fork', 'another root at the size held');
      this.keep(bytes);
      return false;
    }
    const fresh = await fetchEntries(`${this.from}${pathOf(this.origin)}`, this.size, head.size, this.allowed);
    if (!fresh.every(Buffer.isBuffer)) refuse('wdh.gap', 'a withheld entry in the log of the coordinator'); // WITHHOLD-1
    const range = new CompactRange();
    for (const entry of [...this.file.entries, ...fresh]) range.append(leafHash(entry));
    if (!range.root().equals(head.root)) refuse('hos.bundle', 'the entries lead to another root'); // SYNC-4
    const judge = judgeLog({ origin: this.origin, root: this.root }, [...this.file.entries, ...fresh]);
    openCheckpoint(bytes, this.origin, (size) => judge.keys.logKeys(size)); // SYNC-12
    this.file.append(fresh);
    this.judge.append(fresh);
    this.keep(bytes);
    return true;
  }

  // With the keys that follow from what is held, or from /keys (SYNC-1, SYNC-12).
  async open(bytes) {
    if (this.size > 0) {
      try {
        return openCheckpoint(bytes, this.origin, (size) => this.judge.keys.logKeys(size));
      } catch (error) {
        if (error.code !== 'ckp.signature') throw error;
      }
    }
    const records = parseKeys(await this.fetch('keys', limits.keys));
    const history = followKeys(this.origin, true, this.root, records);
    return openCheckpoint(bytes, this.origin, (size) => history.logKeys(size));
  }

  keep(bytes) {
    if (this.note !== null && this.note.equals(bytes)) return;
    replaceFile(join(this.directory, 'checkpoint'), bytes);
    this.note = bytes;
  }
}
