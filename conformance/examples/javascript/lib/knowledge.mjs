// CERT-16, CERT-18: what somebody who holds logs knows besides a certificate file.
import { refuse } from './refusal.mjs';
import { decodeEntry } from './judge.mjs';
import { courseOf } from './logs.mjs';
import { leafHash } from './tree.mjs';
import { parseProof } from './proof.mjs';
import { parseCheckpoint } from './checkpoint.mjs';
import { parseNote } from './note.mjs';

export class Knowledge {
  // `judges` as judgeAll gives them.
  constructor(judges, coordinator) {
    this.judges = judges;
    this.coordinator = judges.get(coordinator);
  }

  get size() {
    return this.coordinator?.verdicts.length ?? 0;
  }

  // CERT-16: `items` are all [entry, proof] of a log in the file, `keyItems` its key records.
  checkLog(origin, items, keyItems) {
    const beginning = this.coordinator?.federation.beginningOf(origin);
    if (beginning !== undefined && !keyItems[0][0].equals(beginning)) refuse('mem.epoch', 'begins otherwise');
    const judge = this.judges.get(origin);
    if (judge === undefined) return;
    const heads = items.map(([, proof]) => parseCheckpoint(parseNote(parseProof(proof).note).text));
    for (const { size, root } of heads) {
      if (size <= judge.size && !judge.tree.root(size).equals(root)) refuse('hos.fork', 'a head of another history');
    }
    this.checkKeys(judge, Math.max(...heads.map(({ size }) => size)), keyItems);
  }

  checkKeys(judge, top, keyItems) {
    const shown = new Map(keyItems.map(([entry, proof]) => [parseProof(proof).index, leafHash(entry)]));
    const held = new Map(judge.keys.records.map(({ position }) => [position, leafHash(judge.entries[position])]));
    const isLacking = [...held].some(([position, leaf]) => position < top && !shown.get(position)?.equals(leaf));
    const isStrange = [...shown.keys()].some((position) => position < judge.verdicts.length && !held.has(position));
    if (isLacking || isStrange) refuse('sta.keys', 'other key records than are held');
  }

  // CERT-16: a decision that is held counts, and does not lie beyond the end that is known.
  checkDecisions(origin, positions) {
    const judge = this.judges.get(origin);
    if (judge === undefined) return;
    const end = this.lastWord(origin)?.body.ends;
    for (const position of positions) {
      const code = judge.verdicts[position]?.code;
      if (code !== undefined) refuse(code, `the decision at ${position} counts for nothing`);
      if (end?.origin === origin && position >= end.size) refuse('mem.inactive', 'beyond the end of the log');
    }
  }

  // The last membership that names or closes a log (EPOCH-7), with the time of its record.
  lastWord(origin) {
    const site = origin.split('/')[1];
    const found = (this.coordinator?.federation.all('member', site) ?? [])
      .filter(({ body }) => body.origin === origin || body.ends?.origin === origin).pop();
    if (found === undefined) return undefined;
    const { time } = decodeEntry(this.coordinator.entries[found.position]).record;
    return { ...found, time };
  }

  // CERT-18: how the label stands on a day, where more is held of it than `chain` of the file, outermost first, shows.
  later(number, chain, day) {
    const starts = [...this.judges.values()].flatMap((judge) => [...judge.labels.values()]);
    const start = starts.find(({ first }) => first?.body.certificate === number && first.body.takes === undefined);
    const course = start === undefined ? undefined : courseOf(this.judges, start);
    const at = course?.stages.findIndex(({ origin }) => origin === chain[0].origin) ?? -1;
    if (at < 0) return null;
    const told = new Set(chain.flatMap(({ label }) => label.decisions.map(({ id }) => id.toString('hex'))));
    const hasAll = chain[chain.length - 1].label.first?.body.takes === undefined;
    const stages = course.stages.slice(hasAll ? 0 : at);
    if (stages.every(({ decisions }) => decisions.every(({ id }) => told.has(id.toString('hex'))))) return null;
    const last = course.stages[course.stages.length - 1];
    const judge = this.judges.get(last.origin);
    return { status: course.statusOn(day), origin: last.origin, asOf: judge.time, reachesEnd: this.reachesEnd(last.origin) };
  }

  // CERT-15, CERT-18: whether the log of a site that has gone is held to its end; true where it has not.
  reachesEnd(origin) {
    const { body } = this.lastWord(origin) ?? { body: { status: 'admitted', origin } };
    if (body.status === 'admitted' && body.origin === origin) return true;
    return body.ends?.origin === origin && this.judges.get(origin).size >= body.ends.size;
  }
}
