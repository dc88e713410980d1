// What nodes did: inputs, outputs, cases tried, row changes and errors, for runs and dry runs.

import { grid, h, json, short } from "./dom.js";

const QUIET = new Set(["created_at", "updated_at", "alreadyProcessed"]);

/** All steps of a run that belong to node `id`, wherever they stand in the tree. */
export function stepsOf(steps, id) {
  return steps.flatMap((one) => [...(one.id === id ? [one] : []), ...(one.type === "flow" ? [] : stepsOf(one.steps, id))]);
}

/** The node to look at first: the one that failed, else the first that changed rows, else the first. */
export function telling(steps) {
  const all = flat(steps);
  const found = all.find((one) => one.error) ?? all.find((one) => one.changes.length && !one.type.startsWith("stripe.")) ?? all[0];
  return found?.id ?? null;
}

const flat = (steps) => steps.flatMap((one) => [one, ...(one.type === "flow" ? [] : flat(one.steps))]);

/** The panel about one node. `undone`: the run failed, so none of its row changes was kept. */
export function panel(node, steps, { undone = false, ran = true } = {}) {
  const found = stepsOf(steps, node.id);
  const head = [
    h("h2", null, node.title || node.id),
    h("p", { class: "dim" }, node.title ? `${node.id} · ` : "", h("code", null, node.type), node.locked ? " · locked" : "", node.line ? ` · line ${node.line}` : ""),
  ];
  const locked = node.locked ? h("p", { class: "dim" }, "Locked: here the engine keeps the system tables right; there is nothing to change.") : null;
  const yaml = node.yaml ? h("pre", { class: "value", tabindex: "0", role: "region", "aria-label": "As written" }, node.yaml) : null;
  if (!ran) return [...head, locked, yaml];
  const written = yaml && h("details", null, h("summary", null, "As written"), yaml);
  if (!found.length) return [...head, h("p", null, "This node did not run."), written];
  return [...head, ...found.map((one, index) => h("section", { class: "step" }, found.length > 1 ? h("h3", null, `Time ${index + 1}`) : null, told(one, undone))), written];
}

/** One step in full. */
function told(step, undone) {
  return [
    step.error ? h("p", { class: "error" }, step.error) : null,
    step.stop ? h("p", { class: "notice" }, "Ended the run here: ", step.stop) : null,
    tried(step.notes),
    "in" in step && step.type !== "stop" && step.type !== "fail" ? [h("h3", null, "Given"), values(step.in, "What the node was given")] : null,
    // What a node wrote into the builder's tables is told by its rows.
    "out" in step && (step.type.startsWith("stripe.") || !step.changes.length) ? [h("h3", null, "Gave"), values(step.out, "What the node gave")] : null,
    step.changes.length ? [h("h3", null, undone ? "Rows it changed, undone with the run" : "Rows it changed"), changes(step.changes, undone)] : null,
    step.type === "flow" && step.steps.length ? [h("h3", null, "Inside the called flow"), inside(step.steps, undone)] : null,
  ];
}

function inside(steps, undone) {
  return h("ol", { class: "inside" }, steps.map((one) => h("li", null, h("details", null, h("summary", null, h("strong", null, one.id), " ", h("code", null, one.type)), told(one, undone), one.type !== "flow" && one.steps.length ? inside(one.steps, undone) : null))));
}

/** The cases a branch tried and the one it took, with the values it looked at where these were kept. */
function tried(notes) {
  const looked = notes.filter((note) => note && "tried" in note);
  const taken = notes.find((note) => note && "case" in note)?.case;
  const others = notes.filter((note) => !(note && ("tried" in note || "case" in note)));
  const lines = looked.map((note) =>
    h("li", { class: note.held ? "held" : "" }, h("span", { "aria-hidden": "true" }, note.held ? "✓ " : "✕ "), note.tried, h("span", { class: "unseen" }, note.held ? " matched" : " did not match"), " ", h("span", { class: "dim" }, Object.entries(note.saw).map(([name, value]) => `${name} is ${short(value, 60)}`).join(", "))),
  );
  if (taken !== undefined && !looked.some((note) => note.held)) {
    lines.push(h("li", { class: "held" }, h("span", { "aria-hidden": "true" }, "✓ "), taken, looked.length ? h("span", { class: "dim" }, " no other case matched") : null));
  }
  return [
    lines.length ? [h("h3", null, looked.length ? "Cases, from the first" : "Case taken"), h("ul", { class: "cases" }, lines)] : null,
    others.length ? [h("h3", null, "Notes"), h("ul", { class: "cases" }, others.map((one) => h("li", null, Object.entries(one).map(([key, value]) => `${key}: ${short(value)}`).join(", "))))] : null,
  ];
}

function values(value, label) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return h("pre", { class: "value", tabindex: "0", role: "region", "aria-label": label }, JSON.stringify(value, null, 2));
  const listed = Object.entries(value).filter(([name]) => !QUIET.has(name));
  if (!listed.length) return h("p", { class: "dim" }, "nothing");
  return h("dl", { class: "values" }, listed.map(([name, one]) => h("div", null, h("dt", null, name), h("dd", null, large(one) ? json(one, `${label}: ${name}`) : short(one, 400)))));
}

const large = (value) => value !== null && typeof value === "object" && JSON.stringify(value).length > 80;

/** Row changes: a new row, one gone, or what changed in one. */
export function changes(list, undone = false) {
  return h("ul", { class: `changes${undone ? " undone" : ""}` }, list.map((one) => h("li", null, change(one))));
}

function change({ table, key, before, after }) {
  const name = h("strong", null, `${table} ${short(key, 40)}`);
  const mark = (sign, word) => [h("span", { class: "sign", "aria-hidden": "true" }, sign), h("span", { class: "unseen" }, `${word} `)];
  if (before === null) return [...mark("+", "new row"), name, row(after)];
  if (after === null) return [...mark("−", "row gone"), name, row(before)];
  const moved = Object.entries(after).filter(([column, value]) => !QUIET.has(column) && JSON.stringify(value) !== JSON.stringify(before[column]));
  const cells = moved.map(([column, value]) => [column, h("del", null, short(before[column])), h("ins", null, short(value))]);
  return [...mark("~", "row changed"), name, cells.length ? grid(`Changes of ${table} ${short(key, 40)}`, ["column", "before", "after"], cells) : h("p", { class: "dim" }, "only the time of its last change")];
}

function row(values_) {
  const listed = Object.entries(values_).filter(([column, value]) => value !== null && !QUIET.has(column));
  return h("dl", { class: "values" }, listed.map(([column, value]) => h("div", null, h("dt", null, column), h("dd", null, short(value)))));
}
