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
        this.entries.push(payload.subarray(i + 2, end));
        i = end;
      }
      at += HEADER + length;
    }
    return at;
  }

  // Durable when it returns.
  append(batch) {
    const payload = Buffer.concat(batch.flatMap((entry) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }));
    const header = Buffer.alloc(4);
    header.writeUInt32BE(payload.length);
    const frame = Buffer.concat([header, sha256(payload), payload]);
    writeAll(this.descriptor, frame, this.length);
    fsyncSync(this.descriptor);
    this.length += frame.length;
    this.entries.push(...batch);
  }

  close() {
    closeSync(this.descriptor);
  }
}
