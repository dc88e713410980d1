// What nodes did: inputs, outputs, cases tried, row changes and errors, for runs and dry runs.

import { h } from "./dom.js";
import { block, grid, json, short, took } from "./parts.js";

/** @typedef {import("./types").Step} Step */
/** @typedef {import("./types").Change} Change */
/** @typedef {import("./types").Row} Row */
/** @typedef {import("./types").Content} Content */

const QUIET = new Set(["created_at", "updated_at", "alreadyProcessed"]);

/**
 * All steps, outer before inner; those inside a called flow are its own.
 * @param {Step[]} steps
 * @returns {Step[]}
 */
export const flat = (steps) => steps.flatMap((one) => [one, ...(one.type === "flow" ? [] : flat(one.steps))]);

/**
 * The node to look at first: the one that failed, else the first that changed rows, else the first.
 * @param {Step[]} steps
 */
export function telling(steps) {
  const all = flat(steps);
  const found = all.find((one) => one.error) ?? all.find((one) => one.changes.length && !one.type.startsWith("stripe.")) ?? all[0];
  return found?.id ?? null;
}

/**
 * The panel about one node; `run` is what ran, if anything did.
 * @param {import("./types").GraphNode} node
 * @param {import("./types").Ran | null} run
 * @returns {Content}
 */
export function panel(node, run) {
  const head = [
    h("h2", null, node.title || node.id),
    h("p", { class: "dim" }, node.title ? `${node.id} · ` : "", h("code", null, node.type), node.locked ? " · locked" : "", node.line ? ` · line ${node.line}` : ""),
  ];
  const yaml = node.yaml ? block(node.yaml, "As written") : null;
  if (!run) {
    const locked = node.locked ? h("p", { class: "dim" }, "Locked: here the engine keeps the system tables right; there is nothing to change.") : null;
    return [head, locked, yaml];
  }
  const found = flat(run.steps).filter((one) => one.id === node.id);
  const written = yaml && h("details", null, h("summary", null, "As written"), yaml);
  if (!found.length) return [head, h("p", null, run.earlier || run.later ? "This node did not run in this part of the action." : "This node did not run."), written];
  return [head, found.map((one, index) => h("section", { class: "step" }, found.length > 1 ? h("h3", null, `Time ${index + 1}`) : null, told(one, run.undone ?? false))), written];
}

/**
 * One step in full.
 * @param {Step} step
 * @param {boolean} undone
 * @returns {Content}
 */
function told(step, undone) {
  const ended = step.type === "stop" || step.type === "fail";
  // What a node wrote into the builder's tables is told by its rows.
  const gave = "out" in step && (step.type.startsWith("stripe.") || !step.changes.length);
  return [
    typeof step.us === "number" ? h("p", { class: "dim" }, "Took ", took(step.us)) : null,
    step.error ? h("p", { class: "error" }, step.error) : null,
    step.stop ? h("p", { class: "notice" }, ended ? "Ended the run here: " : "The run ended here, to go on in another: ", step.stop) : null,
    tried(step.notes),
    "in" in step && !ended ? [h("h3", null, "Given"), values(step.in, "What the node was given")] : null,
    gave ? [h("h3", null, "Gave"), values(step.out, "What the node gave")] : null,
    step.changes.length ? [h("h3", null, undone ? "Rows it changed, undone with the run" : "Rows it changed"), changes(step.changes, undone)] : null,
    step.type === "flow" && step.steps.length ? [h("h3", null, "Inside the called flow"), inside(step.steps, undone)] : null,
  ];
}

/** @param {Step[]} steps @param {boolean} undone @returns {HTMLElement} */
function inside(steps, undone) {
  /** @param {Step} one */
  const line = (one) => h("li", null, h("details", null, h("summary", null, h("strong", null, one.id), " ", h("code", null, one.type)), told(one, undone), one.type !== "flow" && one.steps.length ? inside(one.steps, undone) : null));
  return h("ol", { class: "inside" }, steps.map(line));
}

/**
 * The cases a branch tried and the one it took, with the values it looked at where these were kept.
 * @param {Row[]} notes
 * @returns {Content}
 */
function tried(notes) {
  const looked = notes.filter((note) => note && "tried" in note);
  const taken = notes.find((note) => note && "case" in note)?.case;
  const others = notes.filter((note) => !(note && ("tried" in note || "case" in note)));
  const lines = looked.map((note) => {
    const saw = Object.entries(note.saw).map(([name, value]) => `${name} is ${short(value, 60)}`);
    return h("li", { class: note.held ? "held" : "" }, h("span", { "aria-hidden": "true" }, note.held ? "✓ " : "✕ "), note.tried, h("span", { class: "unseen" }, note.held ? " matched" : " did not match"), " ", h("span", { class: "dim" }, saw.join(", ")));
  });
  if (taken !== undefined && !looked.some((note) => note.held)) {
    lines.push(h("li", { class: "held" }, h("span", { "aria-hidden": "true" }, "✓ "), taken, looked.length ? h("span", { class: "dim" }, " no other case matched") : null));
  }
  /** @param {Row} one */
  const note = (one) => h("li", null, typeof one === "object" && one !== null ? Object.entries(one).map(([key, value]) => `${key}: ${short(value)}`).join(", ") : short(one));
  return [
    lines.length ? [h("h3", null, looked.length ? "Cases, from the first" : "Case taken"), h("ul", { class: "cases" }, lines)] : null,
    others.length ? [h("h3", null, "Notes"), h("ul", { class: "cases" }, others.map(note))] : null,
  ];
}

/** @param {unknown} value @param {string} label */
function values(value, label) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return block(JSON.stringify(value, null, 2), label);
  const listed = Object.entries(value).filter(([name]) => !QUIET.has(name));
  if (!listed.length) return h("p", { class: "dim" }, "nothing");
  return h("dl", { class: "values" }, listed.map(([name, one]) => h("div", null, h("dt", null, name), h("dd", null, large(one) ? json(one, `${label}: ${name}`) : short(one, 400)))));
}

/** @param {unknown} value */
const large = (value) => value !== null && typeof value === "object" && JSON.stringify(value).length > 80;

/**
 * Row changes: a new row, one gone, or what changed in one.
 * @param {Change[]} list
 * @param {boolean} [undone]
 */
export function changes(list, undone = false) {
  return h("ul", { class: `changes${undone ? " undone" : ""}` }, list.map((one) => h("li", null, change(one))));
}

/** @param {Change} change @returns {Content} */
function change({ table, key, before, after }) {
  const name = h("strong", null, `${table} ${short(key, 40)}`);
  /** @param {string} sign @param {string} word */
  const mark = (sign, word) => [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "unseen" }, `${word} `)];
  if (after === null) return [mark("−", "row gone"), name, row(before ?? {})];
  if (before === null) return [mark("+", "new row"), name, row(after)];
  const moved = Object.entries(after).filter(([column, value]) => !QUIET.has(column) && JSON.stringify(value) !== JSON.stringify(before[column]));
  const cells = moved.map(([column, value]) => [column, h("del", null, short(before[column])), h("ins", null, short(value))]);
  return [mark("~", "row changed"), name, cells.length ? grid(`Changes of ${table} ${short(key, 40)}`, ["column", "before", "after"], cells) : h("p", { class: "dim" }, "only the time of its last change")];
}

/** @param {Row} shown */
function row(shown) {
  const listed = Object.entries(shown).filter(([column, value]) => value !== null && !QUIET.has(column));
  return h("dl", { class: "values" }, listed.map(([column, value]) => h("div", null, h("dt", null, column), h("dd", null, short(value)))));
}
