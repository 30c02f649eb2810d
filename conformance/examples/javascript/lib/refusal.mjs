// A refusal: the input breaks a rule of SPEC.md, and `code` is the reason the rule names (SPEC, ERR).
export class Refusal extends Error {
  constructor(code, message = code) {
    super(message);
    this.code = code;
  }
}

export function refuse(code, message) {
  throw new Refusal(code, message);
}

// The code that `check` refuses with, or null. Anything but a refusal is a bug and goes on.
export function codeOf(check) {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}
