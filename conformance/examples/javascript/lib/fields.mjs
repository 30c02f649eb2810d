// FIELD: the types that bodies are made of. A type is a predicate on a decoded value.
import { isMap } from './encoding.mjs';
import { isBytes } from './bytes.mjs';

const codePoints = (text) => [...text].length;
const matches = (pattern) => (value) => typeof value === 'string' && pattern.test(value);

export const bytes = (length) => (value) => isBytes(value, length);
export const bytesBetween = (least, most) => (value) => isBytes(value) && value.length >= least && value.length <= most;
export const integer = (least, most) => (value) => typeof value === 'number' && value >= least && value <= most;
export const count = integer(0, Number.MAX_SAFE_INTEGER);
export const text = (least, most) => (value) => {
  if (typeof value !== 'string') return false;
  const length = codePoints(value);
  return length >= least && length <= most;
};
export const shortText = text(1, 128);
export const line = text(1, 500);
export const oneOf = (...words) => (value) => words.includes(value);
export const array = (least, most, type) => Object.assign(
  (value) => Array.isArray(value) && value.length >= least && value.length <= most && value.every((item) => type(item)),
  { item: type },
);
export const anyMap = (value) => isMap(value);

const languagePattern = /^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$/;
export const language = (value) => typeof value === 'string' && value.length <= 35 && languagePattern.test(value);
const byLanguage = (words) => (value) => {
  if (!isMap(value)) return false;
  const tags = Object.keys(value);
  return tags.length >= 1 && tags.length <= 40 && tags.every((tag) => language(tag) && words(value[tag]));
};
export const textByLanguage = byLanguage(line);
export const longTextByLanguage = byLanguage(text(1, 4000));
export const civilDate = matches(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/);
export const country = matches(/^[A-Z]{2}$/);
export const code = matches(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/);
export const siteCode = matches(/^[a-z][a-z0-9-]{0,31}$/);
export const prefix = matches(/^[A-Z0-9]{3}$/);
export const certificateNumber = matches(/^SOPRO\/[A-Z0-9]{3}\/[0-9]{3}\/[0-9]{5,9}$/);
export const origin = matches(/^[!-*,-~]{1,255}$/);
export const family = matches(/^[a-z][a-z0-9_.-]{0,62}\/[1-9][0-9]{0,2}$/);
const urlPattern = /^https?:\/\/[A-Za-z0-9.:\[\]_-]+(\/[!-~]*)?$/;
export const url = (value) => typeof value === 'string' && value.length <= 500 && urlPattern.test(value);

// A map with the fields of a table: {name: type}, or {name: optional(type)} where it may be absent.
// Unknown fields are passed over (REC-11).
export const optional = (type) => Object.assign((value) => type(value), type, { optional: true });
export const map = (table) => Object.assign(
  (value) => isMap(value) && Object.entries(table).every(([name, type]) => (name in value ? type(value[name]) : type.optional === true)),
  { table },
);

export const head = map({ root: bytes(32), size: count });
export const cut = map({ origin, size: count });
export const end = map({ origin, root: bytes(32), size: count });
export const reference = Object.assign(
  (value) => Array.isArray(value) && value.length === 3 && origin(value[0]) && count(value[1]) && isBytes(value[2], 32),
  { items: [origin, count, bytes(32)] },
);

// A value of JSON in which bytes are base64, as a value of a type: text stays text where the type takes it.
export function fromJson(value, type) {
  if (typeof value === 'string') return type !== undefined && !type(value) ? Buffer.from(value, 'base64') : value;
  if (Array.isArray(value)) return value.map((item, i) => fromJson(item, type?.item ?? type?.items?.[i]));
  if (isMap(value)) {
    const entries = Object.entries(value).map(([name, inner]) => [name, fromJson(inner, type?.table?.[name])]);
    return Object.assign(Object.create(null), Object.fromEntries(entries));
  }
  return value;
}
