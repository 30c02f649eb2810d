// FIELD-2: civil dates, as text. The day that is not known is '', earlier than all others (LBL-10).
import { refuse } from './refusal.mjs';

export const UNKNOWN = '';
export const LAST_DAY = '9999-12-31';
const HOUR = 3_600_000;

const monthLength = (year, month) => [31, year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
  31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
const parts = (date) => date.split('-').map(Number);
const write = (year, month, day) =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;

export function isDay(date) {
  const [year, month, day] = parts(date);
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= monthLength(year, month);
}

// The civil date of an instant at UTC plus `hours`.
export function dayAt(time, hours) {
  const instant = new Date(time + hours * HOUR);
  return Number.isNaN(instant.getTime()) || instant.getUTCFullYear() > 9999 ? LAST_DAY : instant.toISOString().slice(0, 10);
}

export function addDays(date, days) {
  const instant = new Date(`${date}T00:00:00Z`);
  instant.setUTCDate(instant.getUTCDate() + days);
  return instant.getUTCFullYear() > 9999 ? LAST_DAY : instant.toISOString().slice(0, 10);
}

// The same day of the month `months` later (or earlier), or the last day of that month; at most 9999-12-31.
export function addMonths(date, months) {
  const [year, month, day] = parts(date);
  const total = year * 12 + (month - 1) + months;
  const newYear = Math.floor(total / 12);
  const newMonth = (total % 12) + 1;
  if (newYear > 9999) return LAST_DAY;
  return write(newYear, newMonth, Math.min(day, monthLength(newYear, newMonth)));
}

export const later = (a, b) => (a > b ? a : b);

export const checkDays = (...days) => {
  if (!days.every((day) => day === undefined || isDay(day))) refuse('rec.body', 'a day that is none');
};
