// @ts-check
import { h } from "./dom.js";
import { money, plain, typed } from "./money.js";

/** @typedef {Record<string, any>} Row */
/** @typedef {"customer" | "admin"} Role */

const OPEN = ["pending", "failed", "cancelled"];
const RUNNING = ["trialing", "active", "past_due", "unpaid", "paused"];
const REFUNDABLE = ["SUCCESSFUL", "PARTIALLY_REFUNDED", "REFUNDING"];
const MOODS = {
  good: ["paid", "SUCCESSFUL", "REFUNDED", "active", "trialing", "refunded"],
  bad: ["failed", "FAILED", "disputed", "past_due", "unpaid"],
  busy: ["PROCESSING", "REFUNDING", "partly refunded", "PARTIALLY_REFUNDED"],
};
const QUIET = ["updated_at", "created_at", "id"];

/** @param {string} status */
function badge(status) {
  const mood = Object.entries(MOODS).find(([, words]) => words.includes(status))?.[0] ?? null;
  return h("span", { class: "badge", "data-mood": mood }, status);
}

/** @param {Row} product @param {(product: Row, button: HTMLButtonElement) => void} buy */
export function productView(product, buy) {
  const every = product.every ? h("small", {}, ` a ${product.every}`) : null;
  const button = h("button", { type: "button", class: "main" }, product.every ? "Subscribe" : "Buy");
  button.setAttribute("aria-label", `${button.textContent}: ${product.item}`);
  button.addEventListener("click", () => buy(product, button));
  return h(
    "li",
    {},
    h("h3", {}, product.item),
    h("div", { class: "price" }, money(product.amount, product.currency), every),
    button,
  );
}

/**
 * One order with its payments, subscription and refunds, and what can be done about it.
 * @param {Row} order
 * @param {{payments: Row[], recurring: Row[], refunds: Row[], role: Role, shop: Row,
 *   pay: Function, subscribe: Function, cancel: Function, refund: Function}} around
 */
export function orderView(order, around) {
  const { payments, recurring, refunds, role, shop } = around;
  const product = shop.products.find((/** @type {Row} */ one) => one.item === order.item);
  const running = recurring.find((one) => RUNNING.includes(one.status));
  const facts = [
    order.renewal_of === null ? null : fact("renewal", `of subscription ${order.renewal_of}`),
    ...payments.map((one) => paymentFact(one, role)),
    ...recurring.filter((one) => one.status !== "incomplete").map(recurringFact),
    ...refunds.filter((one) => payments.some((paid) => paid.id === one.payment_id)).map(refundFact),
  ].filter((one) => one !== null);
  const doing = buttons(order, product, running, around);
  return h(
    "li",
    { "data-order": order.id },
    h(
      "div",
      { class: "order-head" },
      h("h3", {}, `${order.id}. ${order.item}`),
      badge(order.status),
      role === "admin" && h("span", { class: "whose" }, `of ${order.user_id}`),
      h("span", { class: "price" }, money(order.amount, order.currency)),
    ),
    facts.length > 0 && h("ul", { class: "facts" }, ...facts),
    doing.length > 0 && h("div", { class: "doing" }, ...doing),
  );
}

/** @param {Row} order @param {Row | undefined} product @param {Row | undefined} running @param {Row} around */
function buttons(order, product, running, around) {
  const { role, shop, payments } = around;
  const found = [];
  if (role === "customer" && shop.stripe && OPEN.includes(order.status) && !running) {
    if (product?.every) {
      if (product.price) found.push(button(order, "subscribe", "Subscribe", "main", around.subscribe, product.price));
    } else {
      found.push(button(order, "pay", "Pay by card", "main", around.pay, false));
      found.push(button(order, "checkout", "Pay on Stripe's page", "", around.pay, true));
    }
  }
  if (running && running.cancel_at === null) {
    found.push(button(order, "cancel", "Cancel subscription", "", around.cancel));
  }
  if (role === "admin") {
    for (const payment of payments) {
      if (REFUNDABLE.includes(payment.status) && left(payment) > 0) found.push(...refundForm(payment, around.refund));
    }
  }
  return found;
}

/** @param {Row} order @param {string} name @param {string} text @param {string} kind @param {Function} act @param {...any} more */
function button(order, name, text, kind, act, ...more) {
  const made = h("button", { type: "button", class: kind, "data-name": `${name}-${order.id}` }, text);
  made.setAttribute("aria-label", `${text}: order ${order.id}`);
  made.addEventListener("click", () => act(order, ...more, made));
  return made;
}

/** @param {Row} payment @param {Function} refund */
function refundForm(payment, refund) {
  const input = h("input", {
    type: "text", inputmode: "decimal", autocomplete: "off",
    "data-name": `amount-${payment.id}`, value: plain(left(payment), payment.currency),
  });
  const made = h("button", { type: "button", "data-name": `refund-${payment.id}` }, "Refund");
  made.setAttribute("aria-label", `Refund payment ${payment.id}`);
  made.addEventListener("click", () => refund(payment, typed(input.value, payment.currency), made));
  return [h("label", {}, `Give back (${payment.currency.toUpperCase()})`, input), made];
}

/** @param {Row} payment */
function left(payment) {
  return payment.amount - payment.amount_refunded;
}

/** @param {string} name @param {...(Node | string | null)} words */
function fact(name, ...words) {
  return h("li", {}, h("strong", {}, name), " ", ...words);
}

/** @param {Row} payment @param {Role} role */
function paymentFact(payment, role) {
  const back = payment.amount_refunded ? `, ${money(payment.amount_refunded, payment.currency)} given back` : "";
  const why = payment.failure_message ? `: ${payment.failure_message}` : "";
  const id = role === "admin" && payment.transaction_id ? ` · ${payment.transaction_id}` : "";
  return fact(`payment ${payment.id}`, badge(payment.status), ` ${money(payment.amount, payment.currency)}${back}${why}${id}`);
}

/** @param {Row} one */
function recurringFact(one) {
  const day = (/** @type {string} */ text) => new Date(text).toLocaleDateString();
  const until = one.ended_at
    ? `ended on ${day(one.ended_at)}`
    : one.cancel_at
      ? `ends on ${day(one.cancel_at)}`
      : one.current_period_end
        ? `renews on ${day(one.current_period_end)}`
        : "";
  return fact(`subscription ${one.id}`, badge(one.status), ` ${until}`);
}

/** @param {Row} one */
function refundFact(one) {
  const why = one.failure_reason ? `: ${one.failure_reason}` : "";
  return fact(`refund ${one.id}`, badge(one.status), ` ${money(one.amount, one.currency)}${why}`);
}

/** Whether a change is one that people would notice. @param {any} change */
export function noticeable(change) {
  return change.op !== "update" || differences(change.before, change.row).length > 0;
}

/** A change in words: which row, and which columns from what to what. @param {any} change */
export function changeView(change) {
  const at = new Date(change.at);
  const what = { insert: "new", update: "changed" }[/** @type {string} */ (change.op)] ?? "gone";
  return h(
    "li",
    { class: "fresh" },
    h("time", { datetime: change.at }, at.toLocaleTimeString()),
    h("code", {}, `${change.table} ${change.key}`),
    ` ${what}`,
    ...differences(change.before, change.row).map(([name, from, to]) =>
      h("div", {}, `${name}: `, from === undefined ? null : `${shown(from)} → `, h("b", {}, shown(to))),
    ),
  );
}

/** @param {Row | undefined} before @param {Row | undefined} row @returns {[string, any, any][]} */
function differences(before, row) {
  if (!row) return [];
  const names = Object.keys(row).filter((name) => !QUIET.includes(name));
  if (!before) return names.filter((name) => ["status", "amount"].includes(name)).map((name) => [name, undefined, row[name]]);
  return names
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(row[name]))
    .map((name) => [name, before[name], row[name]]);
}

/** @param {any} value */
function shown(value) {
  return value === null || value === undefined ? "empty" : typeof value === "object" ? JSON.stringify(value) : String(value);
}
