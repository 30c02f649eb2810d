// The disk: a batch is there as a whole or not at all.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EntryFile } from './lib/store.mjs';

test('a file that was cut off at any byte', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sopro-store-'));
  const batches = [['a', 'bb'], ['ccc'], ['d', 'e', 'f']].map((batch) => batch.map(Buffer.from));
  const file = new EntryFile(directory);
  const ends = batches.map((batch) => {
    file.append(batch);
    return file.length;
  });
  file.close();
  const bytes = readFileSync(join(directory, 'entries'));
  for (let length = 0; length <= bytes.length; length++) {
    writeFileSync(join(directory, 'entries'), bytes.subarray(0, length));
    const again = new EntryFile(directory);
    const whole = ends.filter((end) => end <= length).length;
    assert.deepEqual(again.entries, batches.slice(0, whole).flat());
    again.append([Buffer.from('g')]);
    again.close();
    const last = new EntryFile(directory);
    assert.deepEqual(last.entries, [...batches.slice(0, whole).flat(), Buffer.from('g')]);
    last.close();
  }
  rmSync(directory, { recursive: true });
});
