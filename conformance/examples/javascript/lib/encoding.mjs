// ENC: canonical msgpack. Maps become objects without a prototype, bytes become Buffers.
import { refuse } from './refusal.mjs';
import { utf8 } from './bytes.mjs';

export const RECORD_LIMIT = 32768; // ENC-10
export const ENTRY_LIMIT = 65535; // ENC-10
const DEPTH_LIMIT = 16; // ENC-10
const LARGEST = BigInt(Number.MAX_SAFE_INTEGER); // 2^53 - 1

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/; // ENC-8

export const isMap = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

// One canonical value that fills `input` (ENC-9), or a refusal with the code of the first rule met (ENC-12).
export function decode(input, limit = RECORD_LIMIT) {
  if (input.length > limit) refuse('enc.limit', `${input.length} bytes, ${limit} are allowed`);
  const reader = new Reader(input, limit);
  const value = reader.value(0);
  if (reader.at !== input.length) refuse('enc.framing', 'bytes after the value');
  return value;
}

class Reader {
  constructor(input, limit) {
    this.input = input;
    this.limit = limit;
    this.at = 0;
  }

  // The next `count` bytes; the input must not end inside a value (ENC-9).
  take(count) {
    if (this.at + count > this.input.length) refuse('enc.framing', 'the input ends inside a value');
    this.at += count;
    return this.input.subarray(this.at - count, this.at);
  }

  value(depth) {
    const first = this.take(1)[0];
    if (first <= 0x7f) return first;
    if (first <= 0x8f) return this.map(first & 0x0f, depth);
    if (first <= 0x9f) return this.array(first & 0x0f, depth);
    if (first <= 0xbf) return this.text(first & 0x1f);
    if (first >= 0xe0) return first - 0x100;
    switch (first) {
      case 0xc1: return refuse('enc.framing', 'byte 0xc1');
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.bytes(this.length(1, 0));
      case 0xc5: return this.bytes(this.length(2, 0x100));
      case 0xc6: return this.bytes(this.length(4, 0x10000));
      case 0xcc: return this.unsigned(1, 0x80n);
      case 0xcd: return this.unsigned(2, 0x100n);
      case 0xce: return this.unsigned(4, 0x10000n);
      case 0xcf: return this.unsigned(8, 0x100000000n);
      case 0xd0: return this.signed(1, -32n);
      case 0xd1: return this.signed(2, -0x80n);
      case 0xd2: return this.signed(4, -0x8000n);
      case 0xd3: return this.signed(8, -0x80000000n);
      case 0xd9: return this.text(this.length(1, 32));
      case 0xda: return this.text(this.length(2, 0x100));
      case 0xdb: return this.text(this.length(4, 0x10000));
      case 0xdc: return this.array(this.length(2, 16), depth);
      case 0xdd: return this.array(this.length(4, 0x10000), depth);
      case 0xde: return this.map(this.length(2, 16), depth);
      case 0xdf: return this.map(this.length(4, 0x10000), depth);
      default: return refuse('enc.type', 'nil, floating-point number or ext type'); // ENC-6, ENC-7
    }
  }

  // A header's length: complete, the shortest form, then the limit (ENC-12).
  length(width, least) {
    const length = this.take(width).readUIntBE(0, width);
    if (length < least) refuse('enc.not-shortest', 'a shorter header holds this length');
    return length;
  }

  within(length) {
    if (length > this.limit) refuse('enc.limit', `a header claims ${length}`);
    return length;
  }

  unsigned(width, least) {
    const bytes = this.take(width);
    let value = 0n;
    for (const byte of bytes) value = (value << 8n) | BigInt(byte);
    if (value < least) refuse('enc.not-shortest', 'a shorter form holds this number');
    if (value > LARGEST) refuse('enc.limit', 'number above 2^53 - 1');
    return Number(value);
  }

  signed(width, above) {
    const bytes = this.take(width);
    let value = 0n;
    for (const byte of bytes) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(width * 8, value);
    if (value >= above) refuse('enc.not-shortest', 'a shorter or an unsigned form holds this number');
    if (value < -LARGEST) refuse('enc.limit', 'number below -(2^53 - 1)');
    return Number(value);
  }

  bytes(length) {
    return this.take(this.within(length));
  }

  text(length) {
    const text = utf8(this.take(this.within(length)), 'enc.text');
    if (CONTROL.test(text)) refuse('enc.text', 'control character');
    return text;
  }

  deeper(count, depth) {
    this.within(count);
    if (depth >= DEPTH_LIMIT) refuse('enc.limit', 'more than 16 maps and arrays inside one another');
    return depth + 1;
  }

  array(count, depth) {
    const inner = this.deeper(count, depth);
    const values = [];
    for (let i = 0; i < count; i++) values.push(this.value(inner));
    return values;
  }

  map(count, depth) {
    const inner = this.deeper(count, depth);
    const map = Object.create(null);
    let before = null;
    for (let i = 0; i < count; i++) {
      const key = this.value(inner);
      if (typeof key !== 'string') refuse('enc.type', 'a key that is not text');
      if (key in map) refuse('enc.duplicate-key', `key ${key} twice`);
      const bytes = Buffer.from(key);
      if (before !== null && Buffer.compare(before, bytes) > 0) refuse('enc.key-order', `key ${key}`);
      before = bytes;
      map[key] = this.value(inner);
    }
    return map;
  }
}

// The one spelling of a value (ENC-1). Fields that are undefined are absent (ENC-7).
export function encode(value) {
  const parts = [];
  write(value, parts);
  return Buffer.concat(parts);
}

function write(value, parts) {
  if (value === true || value === false) parts.push(Buffer.from([value ? 0xc3 : 0xc2]));
  else if (typeof value === 'number') parts.push(integer(value));
  else if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    parts.push(header(bytes.length, [[32, 0xa0], [0x100, 0xd9, 1], [0x10000, 0xda, 2], [Infinity, 0xdb, 4]]), bytes);
  } else if (Buffer.isBuffer(value)) {
    parts.push(header(value.length, [[0x100, 0xc4, 1], [0x10000, 0xc5, 2], [Infinity, 0xc6, 4]]), value);
  } else if (Array.isArray(value)) {
    parts.push(header(value.length, [[16, 0x90], [0x10000, 0xdc, 2], [Infinity, 0xdd, 4]]));
    for (const item of value) write(item, parts);
  } else if (isMap(value)) {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    parts.push(header(keys.length, [[16, 0x80], [0x10000, 0xde, 2], [Infinity, 0xdf, 4]]));
    for (const key of keys) {
      write(key, parts);
      write(value[key], parts);
    }
  } else refuse('enc.type', `no spelling for ${value === null ? 'nil' : typeof value}`);
}

// The shortest header: the first row whose bound is above the length; a row without width holds it itself.
function header(length, rows) {
  const [, code, width] = rows.find(([bound]) => length < bound);
  if (width === undefined) return Buffer.from([code | length]);
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = code;
  bytes.writeUIntBE(length, 1, width);
  return bytes;
}

function integer(value) {
  if (!Number.isInteger(value)) refuse('enc.type', 'not an integer');
  if (!Number.isSafeInteger(value)) refuse('enc.limit', 'beyond 2^53 - 1');
  if (value >= 0 && value < 0x80) return Buffer.from([value]);
  if (value < 0 && value >= -32) return Buffer.from([0x100 + value]);
  const unsigned = [[0x100, 0xcc, 1], [0x10000, 0xcd, 2], [0x100000000, 0xce, 4], [Infinity, 0xcf, 8]];
  const signed = [[0x80, 0xd0, 1], [0x8000, 0xd1, 2], [0x80000000, 0xd2, 4], [Infinity, 0xd3, 8]];
  const rows = value >= 0 ? unsigned : signed;
  const [, code, width] = rows.find(([bound]) => (value >= 0 ? value < bound : -value <= bound));
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = code;
  let rest = BigInt.asUintN(width * 8, BigInt(value));
  for (let i = width; i > 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

