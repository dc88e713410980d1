// What an expression may name where the cursor stands: nodes above it, their outputs, the flow's inputs.

import { brackets } from "./brackets.js";
import { parsed } from "./place.js";

/** @typedef {import("./types").Context} Context */
/** @typedef {import("./types").Suggestion} Suggestion */
/** @typedef {import("./types").Words} Words */
/** @typedef {import("./place.js").Line} Line */
/** @typedef {{id: string, type: string, table: string | undefined, declared: string[]}} Above */

/**
 * The parts of `name`, which stands before a dot.
 * @param {Context} context
 * @param {Words} words
 * @param {string} name
 * @returns {Suggestion[]}
 */
export function outputs(context, words, name) {
  if (name === "config") return words.config.map((label) => ({ label, detail: "config" }));
  if (name === "run") return ["flow", "digest", ...(scheduled(context) ? ["due", "previous"] : [])].map((label) => ({ label, detail: "run" }));
  if (name === "caller") return ["id", "role"].map((label) => ({ label }));
  if (name === "input") return inputs(context).map((label) => ({ label, detail: "input" }));
  const node = nodesAbove(context).findLast((one) => one.id === name);
  if (!node) return [];
  const found = words.outputs[node.type];
  if (found && typeof found === "object") {
    return Object.entries(found).map(([label, one]) => ({
      label,
      detail: one.type + (one.optional ? ", may be empty" : ""),
      info: [one.doc, one.one_of?.join(", ")].filter(Boolean).join("\n") || undefined,
    }));
  }
  if (found === "row" || found === "row_or_null") return columns(words, node.table);
  return node.declared.map((label) => ({ label, detail: "declared here" }));
}

/**
 * Whether a schedule starts the flow.
 * @param {Context} context
 */
const scheduled = (context) => /^(?:trigger:\s*\{\s*|\s+)schedule:/m.test(context.state.doc.toString().split(/^nodes:/m)[0]);

/**
 * @param {Words} words
 * @param {string | undefined} table
 * @returns {Suggestion[]}
 */
const columns = (words, table) => Object.entries(words.columns[table ?? ""] ?? {}).map(([label, detail]) => ({ label, detail }));

/**
 * The nodes above the cursor whose list is still open there.
 * @param {Context} context
 * @returns {Above[]}
 */
export function nodesAbove(context) {
  const number = context.state.doc.lineAt(context.pos).number;
  const lines = context.state.doc.toString().split("\n").map(parsed);
  const found = [];
  for (let at = 0; at < number - 1; at++) {
    if (lines[at].dash < 0) continue;
    const node = entry(lines, at);
    // The entry one is inside of cannot be read yet, unless it is the branch around.
    const open = lines.slice(node.end + 1, number).every((/** @type {Line} */ line) => line.blank || line.column >= lines[at].dash);
    if (node.map.id && node.map.type && node.end < number - 1 && open) {
      found.push({ id: node.map.id, type: node.map.type, table: node.map.table, declared: node.declared });
    }
  }
  return found;
}

/**
 * One entry of a list that begins on line `at`: its keys, what it declares, its last line.
 * @param {Line[]} lines
 * @param {number} at
 */
function entry(lines, at) {
  const first = lines[at];
  let end = at;
  while (end + 1 < lines.length && (lines[end + 1].blank || lines[end + 1].column > first.dash) && !(lines[end + 1].dash >= 0 && lines[end + 1].dash <= first.dash)) end++;
  if (first.key === null && first.value.startsWith("{")) {
    const { maps, all } = brackets(first.value, "");
    return { map: maps[0] ?? all[0] ?? {}, declared: all.slice(1).flatMap((one) => Object.keys(one)), end };
  }
  /** @type {Record<string, string>} */
  const map = {};
  /** @type {Set<string>} */
  const declared = new Set();
  for (let line = at; line <= end; line++) {
    const { key, column, value } = lines[line];
    if (key === null) continue;
    if (column === first.column) map[key] = value;
    if (!["values", "outputs", "gives"].includes(key)) continue;
    if (value.startsWith("{")) for (const name of Object.keys(brackets(value, "").all[0] ?? {})) declared.add(name);
    for (let inner = line + 1; inner <= end && (lines[inner].blank || lines[inner].column > column); inner++) {
      const name = lines[inner].key;
      if (name !== null) declared.add(name);
    }
  }
  return { map, declared: [...declared], end };
}

/**
 * The names of the flow's inputs: keys below `input:`.
 * @param {Context} context
 * @returns {string[]}
 */
function inputs(context) {
  /** @type {Line[]} */
  const lines = context.state.doc.toString().split("\n").map(parsed);
  const at = lines.findIndex((line) => line.key === "input" && line.column === 0);
  if (at < 0) return [];
  if (lines[at].value.startsWith("{")) return Object.keys(brackets(lines[at].value, "").all[0] ?? {});
  const found = [];
  for (let line = at + 1; line < lines.length && (lines[line].blank || lines[line].column > 0); line++) {
    const { key, column } = lines[line];
    if (key !== null && column === lines[at + 1].column) found.push(key);
  }
  return found;
}
