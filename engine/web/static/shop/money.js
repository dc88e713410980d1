// @ts-check
/** Amounts are integers of the minor unit; the digits of a currency are what Intl knows. */

/** @param {string} currency */
function format(currency) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency: currency.toUpperCase() });
}

/** @param {string} currency */
function digits(currency) {
  return format(currency).resolvedOptions().maximumFractionDigits ?? 2;
}

/** @param {number} amount @param {string} currency */
export function money(amount, currency) {
  return format(currency).format(amount / 10 ** digits(currency));
}

/** The amount as a person types it. @param {number} amount @param {string} currency */
export function plain(amount, currency) {
  const count = digits(currency);
  const text = String(amount).padStart(count + 1, "0");
  return count ? `${text.slice(0, -count)}.${text.slice(-count)}` : text;
}

/** What a person typed as an amount, null where it is none. No fraction is ever computed with.
 * @param {string} text @param {string} currency @returns {number | null} */
export function typed(text, currency) {
  const count = digits(currency);
  const found = /^\s*(\d{1,12})(?:[.,](\d+))?\s*$/.exec(text);
  const fraction = found?.[2] ?? "";
  if (!found || fraction.length > count) return null;
  const amount = Number(found[1] + fraction.padEnd(count, "0"));
  return amount > 0 ? amount : null;
}
