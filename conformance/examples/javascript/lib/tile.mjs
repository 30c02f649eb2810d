// TILE: paths, hash tiles, entry bundles.
import { refuse } from './refusal.mjs';
import { MAX_SIZE, rootOf } from './tree.mjs';

export const WIDTH = 256;
const MAX_INDEX = 2 ** 40 - 1; // TILE-2

const badPath = () => refuse('err.path', 'not the path of a resource');

// TILE-2: groups of three digits, all but the last behind an x.
export function parseIndex(text) {
  const groups = text.split('/');
  const last = groups.pop();
  if (!/^[0-9]{3}$/.test(last)) badPath();
  if (!groups.every((group) => /^x[0-9]{3}$/.test(group))) badPath();
  if (groups[0] === 'x000' || groups.length > 4) badPath();
  const index = Number(groups.map((group) => group.slice(1)).join('') + last);
  if (index > MAX_INDEX) badPath();
  return index;
}

export function indexPath(index) {
  const groups = [String(index % 1000).padStart(3, '0')];
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`);
  }
  return groups.join('/');
}

// {kind, level, index, width} of `tile/<L>/<N>[.p/<W>]`, `tile/entries/<N>[.p/<W>]` or `bundle/<N>[.p/<W>]`.
export function parsePath(path) {
  const parts = /^(tile\/(0|[1-9][0-9]?|entries)|bundle)\/([x0-9/]+?)(\.p\/([1-9][0-9]{0,2}))?$/.exec(path);
  if (parts === null) badPath();
  const [, front, label, number, , partial] = parts;
  const kind = front === 'bundle' ? 'bundle' : label === 'entries' ? 'entries' : 'tile';
  const level = kind === 'tile' ? Number(label) : 0;
  if (level > 63) badPath();
  const width = partial === undefined ? WIDTH : Number(partial);
  if (partial !== undefined && width >= WIDTH) badPath();
  return { kind, level, index: parseIndex(number), width };
}

const partialSuffix = (width) => (width === WIDTH ? '' : `.p/${width}`);
export const entriesPath = (index, width) => `tile/entries/${indexPath(index)}${partialSuffix(width)}`;
export const tilePath = (level, index, width) => `tile/${level}/${indexPath(index)}${partialSuffix(width)}`;

// TILE-3: [index, width] of the resources that `count` hashes or entries are cut into.
export function* cuts(count) {
  for (let from = 0; from < count; from += WIDTH) yield [from / WIDTH, Math.min(WIDTH, count - from)];
}

export const hashesAt = (size, level) => Math.floor(size / WIDTH ** level);

// TILE-3: the paths of all entry bundles and tiles of a tree.
export function resources(size) {
  if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE) badPath();
  const paths = [...cuts(size)].map(([index, width]) => entriesPath(index, width));
  for (let level = 0; hashesAt(size, level) > 0; level++) {
    for (const [index, width] of cuts(hashesAt(size, level))) paths.push(tilePath(level, index, width));
  }
  return paths;
}

// TILE-4: the hashes of a tile, tied to `root` where it is given.
export function checkTile(data, width, root) {
  const bad = () => refuse('hos.tile', 'not a tile of this width and root');
  if (!(width >= 1 && width <= WIDTH) || data.length !== 32 * width) bad();
  const hashes = [];
  for (let i = 0; i < width; i++) hashes.push(data.subarray(32 * i, 32 * i + 32));
  const own = rootOf(hashes);
  if (root !== undefined && !own.equals(root)) bad();
  return { hashes, root: own };
}

// TILE-5
export function parseEntryBundle(data, width) {
  const bad = () => refuse('hos.bundle', 'not an entry bundle of this width');
  if (!(width >= 1 && width <= WIDTH)) bad();
  const entries = [];
  let at = 0;
  for (let i = 0; i < width; i++) {
    if (at + 2 > data.length) bad();
    const length = data.readUInt16BE(at);
    at += 2;
    if (at + length > data.length) bad();
    entries.push(data.subarray(at, at + length));
    at += length;
  }
  if (at !== data.length) bad();
  return entries;
}

export function writeEntryBundle(entries) {
  return Buffer.concat(entries.flatMap((entry) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    return [length, entry];
  }));
}
