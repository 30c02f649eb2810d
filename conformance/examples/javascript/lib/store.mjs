// The disk: an append-only file of batches of entries, and small files that are replaced as a whole.
import { closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { sha256 } from './bytes.mjs';

const HEADER = 36; // length of the payload (4 bytes), SHA-256 of it (32 bytes)

function syncDirectory(path) {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function writeAll(descriptor, bytes, position) {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
}

// Replaces a file so that after a crash either the old or the new content is there.
export function replaceFile(path, content, mode = 0o644) {
  const fresh = `${path}.new`;
  const descriptor = openSync(fresh, 'w', mode);
  writeAll(descriptor, Buffer.from(content), 0);
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(fresh, path);
  syncDirectory(dirname(path));
}

export const readFile = (path) => (existsSync(path) ? readFileSync(path) : null);

// A batch is there as a whole or not at all: a torn one at the end is cut off, because nothing of it was
// acknowledged (EXCH-11).
export class EntryFile {
  constructor(directory) {
    mkdirSync(directory, { recursive: true });
    const path = join(directory, 'entries');
    this.path = path;
    const isNew = !existsSync(path);
    this.descriptor = openSync(path, isNew ? 'w+' : 'r+');
    if (isNew) syncDirectory(directory);
    this.entries = [];
    this.length = this.read(readFileSync(path));
    ftruncateSync(this.descriptor, this.length);
  }

  read(bytes) {
    let at = 0;
    while (at + HEADER <= bytes.length) {
      const length = bytes.readUInt32BE(at);
      const payload = bytes.subarray(at + HEADER, at + HEADER + length);
      if (payload.length < length || !sha256(payload).equals(bytes.subarray(at + 4, at + HEADER))) break;
      for (let i = 0; i < length; ) {
        const end = i + 2 + payload.readUInt16BE(i);
        this.entries.push(end === i + 2 ? null : payload.subarray(i + 2, end)); // null: withheld
        i = end;
      }
      at += HEADER + length;
    }
    return at;
  }

  // Durable when it returns.
  append(batch) {
    const bytes = frame(batch);
    writeAll(this.descriptor, bytes, this.length);
    fsyncSync(this.descriptor);
    this.length += bytes.length;
    this.entries.push(...batch);
  }

  // Writes the file anew, so that nothing of a withheld entry stays in it (WITHHOLD-8).
  rewrite(entries) {
    closeSync(this.descriptor);
    const bytes = Buffer.concat(chunks(entries, 1000).map(frame));
    replaceFile(this.path, bytes);
    this.descriptor = openSync(this.path, 'r+');
    this.length = bytes.length;
    this.entries = entries;
  }

  close() {
    closeSync(this.descriptor);
  }
}

const chunks = (list, size) => Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));

function frame(batch) {
  const payload = Buffer.concat(batch.flatMap((entry) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry === null ? 0 : entry.length);
    return entry === null ? [length] : [length, entry];
  }));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(payload.length);
  return Buffer.concat([header, sha256(payload), payload]);
}
