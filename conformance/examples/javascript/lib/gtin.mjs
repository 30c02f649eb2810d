// DOC-9: the number of a trade item, which its last digit checks.
export function isTradeItem(text) {
  if (!/^([0-9]{8}|[0-9]{12,14})$/.test(text)) return false;
  const digits = [...text].map(Number).reverse();
  const sum = digits.slice(1).reduce((total, digit, at) => total + digit * (at % 2 === 0 ? 3 : 1), 0);
  return digits[0] === (10 - (sum % 10)) % 10;
}

// LBL-6: a number as it is compared: without signs, in fourteen digits; what is none as it stands.
export function itemOf({ gtin }) {
  if (gtin === undefined) return '';
  const digits = gtin.replace(/[^A-Za-z0-9]/g, '');
  return /^[0-9]+$/.test(digits) ? digits.padStart(14, '0') : gtin;
}
