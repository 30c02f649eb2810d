// TREE: the Merkle tree of RFC 6962 section 2.1 with SHA-256.
import { sha256, isBytes } from './bytes.mjs';
import { refuse } from './refusal.mjs';

export const MAX_SIZE = 2 ** 48; // TREE-4
const MAX_PROOF = 63; // TREE-4
export const EMPTY_ROOT = sha256();

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

export const leafHash = (entry) => sha256(LEAF, entry);
export const nodeHash = (left, right) => sha256(NODE, left, right);

// The largest power of two below n.
function split(n) {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

const odd = (n) => n % 2 === 1;
const half = (n) => Math.floor(n / 2);

// TREE-5: one hash per 1-bit of the size, merged on append. `levels[i]` is the root of 2^i leaves or undefined.
export class CompactRange {
  constructor() {
    this.size = 0;
    this.levels = [];
  }

  append(leaf) {
    let hash = leaf;
    let level = 0;
    for (let n = this.size; odd(n); n = half(n)) {
      hash = nodeHash(this.levels[level], hash);
      this.levels[level] = undefined;
      level++;
    }
    this.levels[level] = hash;
    this.size++;
  }

  root() {
    let root = null;
    for (const hash of this.levels) {
      if (hash === undefined) continue;
      root = root === null ? hash : nodeHash(hash, root);
    }
    return root ?? EMPTY_ROOT;
  }
}

export function rootOf(leaves) {
  const range = new CompactRange();
  for (const leaf of leaves) range.append(leaf);
  return range.root();
}

// A whole tree in memory: `row(l)[i]` is the root of the 2^l leaves from i * 2^l on.
export class Tree {
  constructor() {
    this.rows = [[]];
  }

  get size() {
    return this.rows[0].length;
  }

  append(leaf) {
    this.rows[0].push(leaf);
    for (let level = 0; this.rows[level].length % 2 === 0; level++) {
      if (this.rows.length === level + 1) this.rows.push([]);
      const row = this.rows[level];
      this.rows[level + 1].push(nodeHash(row[row.length - 2], row[row.length - 1]));
    }
  }

  truncate(size) {
    for (let level = 0; level < this.rows.length; level++) {
      this.rows[level].length = Math.min(this.rows[level].length, Math.floor(size / 2 ** level));
    }
  }

  set(index, leaf) {
    this.rows[0][index] = leaf;
    for (let level = 1, at = half(index); level < this.rows.length && at < this.rows[level].length; level++, at = half(at)) {
      const below = this.rows[level - 1];
      this.rows[level][at] = nodeHash(below[2 * at], below[2 * at + 1]);
    }
  }

  // The root over the leaves from `from` up to `to`: a full aligned subtree, or a range at the tree's end.
  range(from, to) {
    const count = to - from;
    if (count === 0) return EMPTY_ROOT;
    const level = Math.round(Math.log2(count));
    if (2 ** level === count && from % count === 0) return this.rows[level][from / count];
    const k = split(count);
    return nodeHash(this.range(from, from + k), this.range(from + k, to));
  }

  root(size = this.size) {
    return this.range(0, size);
  }

  // PATH(m, D[n]) of RFC 6962 section 2.1.1, from the leaf upwards.
  inclusion(index, size = this.size) {
    const path = (from, to) => {
      if (to - from === 1) return [];
      const middle = from + split(to - from);
      return index < middle
        ? [...path(from, middle), this.range(middle, to)]
        : [...path(middle, to), this.range(from, middle)];
    };
    return path(0, size);
  }

  // PROOF(m, D[n]) of RFC 6962 section 2.1.2; empty where m = n and where m = 0 (TREE-3).
  consistency(old, size = this.size) {
    if (old === 0 || old === size) return [];
    const proof = (from, to, complete) => {
      if (to === old) return complete ? [] : [this.range(from, to)];
      const middle = from + split(to - from);
      return old <= middle
        ? [...proof(from, middle, complete), this.range(middle, to)]
        : [...proof(middle, to, false), this.range(from, middle)];
    };
    return proof(0, size, true);
  }
}

const bad = (message) => refuse('proof.invalid', message);
const isSize = (n) => Number.isInteger(n) && n >= 0 && n <= MAX_SIZE;

function checkForm(hashes, proof, ...sizes) {
  if (!sizes.every(isSize)) bad('size out of range');
  if (proof.length > MAX_PROOF) bad('too many hashes');
  if (![...hashes, ...proof].every((hash) => isBytes(hash, 32))) bad('a hash that has not 32 bytes');
}

// TREE-2: the root that `leaf` at `index` and its siblings lead to in a tree of `size`.
export function inclusionRoot(leaf, index, size, proof) {
  if (!Number.isInteger(index) || index < 0 || index >= size) bad('index not below the size');
  let hash = leaf;
  let at = index;
  let last = size - 1;
  let used = 0;
  while (last > 0) {
    if (odd(at) || at < last) {
      if (used === proof.length) bad('a hash too few');
      const sibling = proof[used++];
      hash = odd(at) ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
    }
    at = half(at);
    last = half(last);
  }
  if (used !== proof.length) bad('a hash too many');
  return hash;
}

export function checkInclusion(leaf, index, size, proof, root) {
  checkForm([leaf, root], proof, size);
  if (!inclusionRoot(leaf, index, size, proof).equals(root)) bad('the proof leads to another root');
}

// TREE-3.
export function checkConsistency(oldSize, newSize, oldRoot, newRoot, proof) {
  checkForm([oldRoot, newRoot], proof, oldSize, newSize);
  if (oldSize > newSize) bad('the old size is above the new one');
  if (oldSize === 0 && !oldRoot.equals(EMPTY_ROOT)) bad('the old root is not that of no entries');
  if (newSize === 0 && !newRoot.equals(EMPTY_ROOT)) bad('the new root is not that of no entries');
  if (oldSize === newSize || oldSize === 0) {
    if (proof.length !== 0) bad('a proof where none is needed');
    if (oldSize === newSize && !oldRoot.equals(newRoot)) bad('two roots at one size');
    return;
  }
  if (proof.length === 0) bad('no proof');
  let at = oldSize - 1;
  let last = newSize - 1;
  while (odd(at)) {
    at = half(at);
    last = half(last);
  }
  // Where the old tree is one full subtree its root begins the proof and is left out of it.
  let used = 0;
  let oldHash = at === 0 ? oldRoot : proof[used++];
  let newHash = oldHash;
  while (last > 0) {
    if (odd(at) || at < last) {
      if (used === proof.length) bad('a hash too few');
      const sibling = proof[used++];
      if (odd(at)) {
        oldHash = nodeHash(sibling, oldHash);
        newHash = nodeHash(sibling, newHash);
      } else {
        newHash = nodeHash(newHash, sibling);
      }
    }
    at = half(at);
    last = half(last);
  }
  if (used !== proof.length) bad('a hash too many');
  if (!oldHash.equals(oldRoot)) bad('the proof leads to another old root');
  if (!newHash.equals(newRoot)) bad('the proof leads to another new root');
}
