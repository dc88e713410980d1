// The parts that pages are made of: badges, times, tables, JSON.

import { h } from "./dom.js";

/** @typedef {import("./types").Content} Content */

/** @type {Record<string, [string, string]>} */
const STATES = {
  done: ["✓", "done"],
  stopped: ["■", "stopped"],
  failed: ["✕", "failed"],
  dead: ["✕", "dead letter"],
  waiting: ["◷", "waiting"],
  received: ["◷", "received"],
  ignored: ["○", "set aside"],
  duplicate: ["○", "seen before"],
  left: ["○", "left alone"],
  goes_on: ["→", "goes on"],
  calling: ["◷", "waits for an answer"],
};

/**
 * An outcome or state: a mark, a word and a colour.
 * @param {string} state
 */
export function badge(state) {
  const [mark, word] = STATES[state] ?? ["•", state];
  return h("span", { class: `badge ${state}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`);
}

/**
 * How a run ended, as `badge` takes it: a part of a user action that another went on from is not done.
 * @param {{outcome: string, later?: number | null, unanswered?: boolean, waits?: boolean}} run
 */
export function ending(run) {
  if (run.later || (run.waits && !run.unanswered)) return "goes_on";
  return run.unanswered ? "calling" : run.outcome;
}

/**
 * A timestamp text (UTC) as people read it.
 * @param {string | null | undefined} text
 */
export function time(text) {
  if (!text) return "";
  return h("time", { datetime: text, title: `${text} (UTC)` }, text.replace("T", " ").replace("Z", ""));
}

/**
 * Microseconds in the unit that fits.
 * @param {number} us
 */
export function took(us) {
  if (us < 1000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`;
}

/**
 * A table with a caption for screen readers; `rows` are lists of cells, `classes` those of the rows.
 * @param {string} caption
 * @param {Content[]} columns
 * @param {Content[][]} rows
 * @param {string[]} [classes]
 */
export function grid(caption, columns, rows, classes = []) {
  const head = columns.map((one) => h("th", { scope: "col" }, one));
  const body = rows.map((cells, index) => h("tr", { class: classes[index] || null }, cells.map((cell) => h("td", null, cell))));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, head)), h("tbody", null, body)),
  );
}

/**
 * A JSON value as it stands in a line.
 * @param {unknown} value
 * @param {number} [most] characters
 */
export function short(value, most = 160) {
  const text = JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/**
 * Text to be read and scrolled, by keyboard too.
 * @param {string} text
 * @param {string} label
 */
export function block(text, label) {
  return h("pre", { class: "value", tabindex: "0", role: "region", "aria-label": label }, text);
}

/**
 * A JSON value whole, to be read and copied.
 * @param {unknown} value
 * @param {string} label
 */
export function json(value, label) {
  const text = JSON.stringify(value, null, 2);
  const copy = h("button", { class: "quiet copy", type: "button", "aria-label": `Copy ${label}` }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(text);
    copy.textContent = "Copied";
  });
  return h("div", { class: "json" }, copy, block(text, label));
}

/**
 * A page's facts: pairs of a term and what it is; empty ones are left out.
 * @param {[string, Content][]} pairs
 */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value))));
}
