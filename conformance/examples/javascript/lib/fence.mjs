// FENCE: what this node asks others before it signs with its log key.
import { join } from 'node:path';
import { hex, sha256 } from './bytes.mjs';
import { Refusal, refuse } from './refusal.mjs';
import { openCheckpoint } from './checkpoint.mjs';
import { pathOf } from './follow.mjs';
import { get } from './reach.mjs';
import { readFile, replaceFile } from './store.mjs';

const MAX_ANSWER = 1_000_000;
const DEADLINE = 5_000;

export class Fence {
  constructor(log) {
    this.log = log;
    this.isOpen = false;
    this.path = join(log.directory, 'answered'); // the largest checkpoint that was answered (FENCE-4)
    const kept = readFile(this.path);
    this.answered = kept === null ? null : this.openOwn(kept);
    // What this node signed itself is an answer that is always at hand.
    const { size, root } = log.intent;
    this.own = root === null ? null : { size, root };
  }

  // FENCE-2: a checkpoint of this log by a log key of this site, or null.
  openOwn(bytes) {
    const { origin, judge } = this.log;
    try {
      return { bytes, ...openCheckpoint(bytes, origin, () => judge.keys.logKeys(1).concat(judge.keys.logKeys(judge.size))) };
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  // FENCE-4: the head that somebody has answered and the disk does not hold, and where.
  get missing() {
    return this.answered !== null && this.answered.size > this.log.judge.size ? this.answered : null;
  }

  // A refusal where nothing may be signed.
  check() {
    const { judge, tree } = this.log;
    for (const head of [this.own, this.answered]) {
      if (head === null) continue;
      if (head.size > judge.size) refuse('fence.behind', 'this node or others hold more of this log than the disk');
      if (!tree.root(head.size).equals(head.root)) refuse('fence.forked', 'this node has signed another history of this log');
    }
    if (!this.isOpen) refuse('fence.asking', 'no other node has answered yet');
  }

  // FENCE-1 to FENCE-3: asks all nodes at once, each at one of its addresses after another.
  async ask(nodes, allowed) {
    const answers = await Promise.all(nodes.map((urls) => this.askNode(urls, allowed)));
    const heads = answers.filter((answer) => answer?.size !== undefined);
    for (const head of heads) this.keep(head);
    if (heads.length > 0 || answers.every((answer) => answer === 'nothing')) this.isOpen = true; // FENCE-3
    return this.isOpen;
  }

  async askNode(urls, allowed) {
    for (const url of urls) {
      const answer = await this.askOne(url.replace(/\/$/, ''), allowed);
      if (answer !== null) return answer;
    }
    return null;
  }

  keep(head) {
    const known = this.answered;
    if (known !== null && (head.size < known.size || (head.size === known.size && known.url !== undefined))) return;
    replaceFile(this.path, head.bytes);
    this.answered = head;
  }

  // A head of this log, 'nothing' or null (no answer).
  async askOne(url, allowed) {
    const { origin } = this.log;
    const fetch = async (path) => {
      try {
        return await get(`${url}${path}`, { limit: MAX_ANSWER, deadline: DEADLINE, allowed });
      } catch (error) {
        if (error instanceof Refusal) return null;
        throw error;
      }
    };
    const [mirrored, cosigned, discovery] = await Promise.all([
      fetch(`${pathOf(origin)}/checkpoint`),
      fetch(`/witness/${hex(sha256(origin))}/checkpoint`),
      fetch('/.well-known/sopro'),
    ]);
    const heads = [mirrored, cosigned].filter((bytes) => bytes !== null).map((bytes) => this.openOwn(bytes)).filter((head) => head !== null);
    if (heads.length > 0) return { url, ...heads.reduce((a, b) => (b.size > a.size ? b : a)) };
    return this.saysNothing(discovery) && cosigned === null ? 'nothing' : null;
  }

  saysNothing(discovery) {
    try {
      const { federation, mirrors } = JSON.parse(discovery);
      const text = JSON.stringify(mirrors ?? null);
      return federation === this.log.origin.split('/')[0] && Array.isArray(mirrors) && !text.includes(`"${pathOf(this.log.origin)}`);
    } catch {
      return false;
    }
  }
}
