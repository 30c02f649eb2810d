// WITHHOLD: records that withhold an earlier entry of their log.
import { Refusal, refuse } from './refusal.mjs';
import { parseRecord } from './record.mjs';
import { LogJudge } from './judge.mjs';

const MAX_WITHHELD = 256; // WITHHOLD-2
const NEVER = ['site_keys', 'log_state', 'withhold', 'erasure', 'anchor']; // WITHHOLD-3

export const withhold = {
  check(log, { body, record, position }) {
    if (log.isCoordinator) refuse('wdh.coordinator', 'nothing is withheld in this log'); // WITHHOLD-1
    const between = log.states.some((state) => state.position > body.index && state.position < position);
    if (body.index >= position || !between) refuse('wdh.index', 'no log_state between the two'); // WITHHOLD-2
    if (!body.leaf.equals(log.tree.rows[0][body.index])) refuse('wdh.leaf', 'another leaf hash');
    const again = log.recordsOn(record.entity).length > 0 || log.withholdings.has(body.index) ||
      [...log.withholdings.values()].includes(body.index) || log.withholdings.size >= MAX_WITHHELD;
    if (again) refuse('wdh.again', 'withheld already');
    if (body.instead !== undefined) checkInstead(log, body.instead); // WITHHOLD-3
    if (log.withheld.get(body.index)?.position !== position) this.tryAnew(log, body, position); // WITHHOLD-5
  },

  apply: (log, { body, position }) => log.withholdings.set(body.index, position),

  // WITHHOLD-5: judged as if the entry had never been seen, every log_state record between must count.
  tryAnew(log, body, position) {
    // Tried once: a trial within a trial would try all earlier ones again.
    if (log.triedInVain.has(position)) refuse('wdh.state', 'a log_state between would not count');
    const found = { index: body.index, position, leaf: body.leaf, instead: body.instead };
    const anew = new LogJudge({
      origin: log.origin,
      root: log.firstRoot,
      federation: log.federation,
      withheld: new Map([...log.withheld, [body.index, found]]),
      triedInVain: log.triedInVain,
    });
    anew.append(log.entries.slice(0, position));
    const holds = anew.waitsAt === null &&
      anew.states.every((state) => state.counts || state.position < body.index) && anew.withholdings.size === log.withholdings.size;
    if (!holds) {
      log.triedInVain.add(position);
      refuse('wdh.state', 'a log_state between would not count');
    }
    log.newlyWithheld = found;
  },
};

function checkInstead(log, instead) {
  const bad = (message) => refuse('wdh.instead', message);
  let record;
  try {
    record = parseRecord(instead);
  } catch (error) {
    if (error instanceof Refusal) bad(error.message);
    throw error;
  }
  const [name] = record.family.split('/');
  if (record.log !== log.origin || record.docs !== undefined || NEVER.includes(name)) bad('not a record that may stand instead');
  if (name === 'label_decision' && ['transfer_in', 'transfer_out'].includes(record.body.action)) bad('a transfer');
}

