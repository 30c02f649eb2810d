// KEY-1 to KEY-5: key ids, strict Ed25519, verifier keys.
import { createPrivateKey, createPublicKey, sign as rawSign, verify as rawVerify, randomBytes } from 'node:crypto';
import { sha256, isBytes, base64, hex } from './bytes.mjs';
import { refuse } from './refusal.mjs';

export const ED25519 = 0x01;
export const COSIGNATURE = 0x04;

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const FIELD = 2n ** 255n - 19n;

// The y of the points of low order (order 1, 2, 4 and the four of order 8), and what else decodes to them
// without reduction: 7 values of 255 bits, with either sign bit: 14 encodings (KEY-3).
const Y8 = BigInt('0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7');
const LOW_ORDER_Y = new Set([0n, 1n, FIELD - 1n, FIELD, FIELD + 1n, Y8, FIELD - Y8]);

const littleEndian = (bytes) => BigInt(`0x${hex(Buffer.from(bytes).reverse())}`);
const yOf = (point) => BigInt.asUintN(255, littleEndian(point));

// Canonical and not of low order, so that A and R of KEY-2 may be it. (A point that is not on the curve
// fails in the verification itself.)
function isStrong(point) {
  const y = yOf(point);
  return y < FIELD && !LOW_ORDER_Y.has(y);
}

// KEY-1
export const keyId = (publicKey, type = ED25519) => sha256('sopro-key/1\n', Buffer.from([type]), publicKey);

// KEY-3
export function checkPublicKey(publicKey) {
  if (!isBytes(publicKey, 32) || !isStrong(publicKey)) refuse('sig.weak-key', 'weak public key');
}

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

// KEY-2. node:crypto compares the encoding of S*B - h*A with R (cofactorless, and R is canonical then) and
// refuses S that is not below the group order; it takes A and R that are weak, and A that is not canonical.
export function isSignature(publicKey, message, signature) {
  if (!isBytes(publicKey, 32) || !isBytes(signature, 64)) return false;
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) return false;
  if (!isStrong(publicKey) || !isStrong(signature.subarray(0, 32))) return false;
  try {
    const key = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' });
    return rawVerify(null, message, key, signature);
  } catch {
    return false;
  }
}

export function checkSignature(publicKey, message, signature) {
  if (!isSignature(publicKey, message, signature)) refuse('sig.invalid', 'the signature does not verify');
}

// A key pair of this node, from its 32 bytes of seed.
export class KeyPair {
  constructor(seed = randomBytes(32)) {
    this.seed = seed;
    this.key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
    this.public = createPublicKey(this.key).export({ format: 'der', type: 'spki' }).subarray(12);
    this.id = keyId(this.public);
  }

  sign(message) {
    return rawSign(null, message, this.key);
  }
}

// KEY-4. A verifier key: {name, type, public, id}, `id` being the note key id as 8 hex digits.
export function verifierKey(name, type, publicKey) {
  const id = hex(sha256(name, Buffer.from([0x0a, type]), publicKey).subarray(0, 4));
  const text = `${name}+${id}+${Buffer.concat([Buffer.from([type]), publicKey]).toString('base64')}`;
  return { name, type, public: publicKey, id, text };
}

// NOTE-4: not empty, no Unicode white space, no plus sign.
export const isKeyName = (name) => name !== '' && !/[\p{White_Space}+]/u.test(name);

export function parseVerifierKey(text) {
  const parts = /^([^+]*)\+([^+]*)\+(.*)$/su.exec(text);
  if (parts === null) refuse('sig.key', 'not three parts');
  const [, name, id, encoded] = parts;
  if (!isKeyName(name) || /[\u0000-\u001f]/.test(name)) refuse('sig.key', 'not a key name');
  const bytes = base64(encoded, 'sig.key');
  if (bytes.length < 2) refuse('sig.key', 'no key');
  const type = bytes[0];
  if (type !== ED25519 && type !== COSIGNATURE) refuse('sig.key', `key type ${type}`);
  const publicKey = bytes.subarray(1);
  checkPublicKey(publicKey); // before the note key id, as the vectors have it
  const key = verifierKey(name, type, publicKey);
  if (key.id !== id) refuse('sig.key', 'another note key id');
  return key;
}

// The keys that a note or checkpoint is opened with: of type 1 only (CKP-5).
export function parseLogKey(text) {
  const key = parseVerifierKey(text);
  if (key.type !== ED25519) refuse('sig.key', 'not a key of type 1');
  return key;
}
