// What may stand at the cursor, from the JSON Schema of flows and the project's tables, flows and config.

import { syntaxTree } from "./vendor/codemirror.js";
import { place } from "./place.js";
import { choices, descend, keys } from "./schema.js";
import { columns, nodesAbove, outputs } from "./scope.js";

/** @typedef {import("./types").Context} Context */
/** @typedef {import("./types").Suggestion} Suggestion */
/** @typedef {import("./types").Words} Words */

const FILTERS = ["default"];

/**
 * A CodeMirror completion source over what the server says may be written.
 * @param {Words} words
 */
export function completion(words) {
  return (/** @type {Context} */ context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const open = before.lastIndexOf("{{");
    if (open >= 0 && before.indexOf("}}", open) < 0) return expression(context, words, before.slice(open + 2));
    if (/(^|\s)#/.test(before) && syntaxTree(context.state).resolveInner(context.pos, -1).name === "Comment") return null;
    return structure(context, words, before);
  };
}

/**
 * Inside {{ … }}.
 * @param {Context} context
 * @param {Words} words
 * @param {string} written what stands between the braces and the cursor
 */
function expression(context, words, written) {
  const dotted = /([A-Za-z_]\w*)\.(\w*)$/.exec(written);
  if (dotted) {
    const [, name, part] = dotted;
    return offer(context.pos - part.length, outputs(context, words, name));
  }
  const word = /[A-Za-z_]\w*$/.exec(written)?.[0] ?? "";
  if (!word && !context.explicit && !/^\s*$/.test(written)) return null;
  if (/\|\s*\w*$/.test(written)) return offer(context.pos - word.length, FILTERS.map((label) => ({ label, detail: "filter" })));
  const nodes = nodesAbove(context).map((node) => ({ label: node.id, detail: node.type, boost: 1 }));
  const reserved = words.reserved.map((label) => ({ label, detail: "given by the engine" }));
  return offer(context.pos - word.length, [...nodes, ...reserved]);
}

/**
 * Keys and values.
 * @param {Context} context
 * @param {Words} words
 * @param {string} before the line up to the cursor
 */
function structure(context, words, before) {
  const word = /[\w.$-]*$/.exec(before)?.[0] ?? "";
  if (!word && !context.explicit && !/[:{,[-]\s$/.test(before)) return null;
  const at = place(context.state.doc.toString(), context.state.doc.lineAt(context.pos).number - 1, before);
  if (!at) return null;
  const from = context.pos - word.length;
  const listed = at.kind === "value" ? columnChoices(words, at) : null;
  if (listed) return offer(from, listed);
  const schemas = descend(words.schema, at.path, at.maps);
  if (!schemas) return null;
  const last = at.path.at(-1);
  if (at.kind === "value") {
    if (last === "table") return offer(from, tables(words));
    if (last === "flow" && at.path.length > 1) return offer(from, words.flows.map((label) => ({ label, detail: "flow" })));
    if (at.path[0] === "trigger" && at.path[1] === "stripe" && at.path.length === 3) return offer(from, words.events.map((label) => ({ label, detail: "event" })));
    const known = choices(schemas);
    return offer(from, last === "type" ? known.map((one) => ({ ...one, detail: words.titles[one.label] })) : known);
  }
  const owner = at.maps.findLast((one) => one.table);
  const names = (last === "where" || last === "values") && owner ? columns(words, owner.table) : keys(words.schema, schemas);
  const inner = at.maps.at(-1) ?? {};
  return offer(from, names.filter((one) => !(one.label in inner)).map((one) => ({ ...one, apply: `${one.label}: ` })));
}

/**
 * The values a column may have, where one of these is being written.
 * @param {Words} words
 * @param {import("./place.js").Spot} at
 */
function columnChoices(words, at) {
  const names = at.path.filter((one) => typeof one === "string");
  const [role, column] = names.slice(-2);
  if (role !== "values" && role !== "where") return null;
  const table = at.maps.findLast((one) => one.table)?.table ?? "";
  return words.tables[table]?.choices[column]?.map((label) => ({ label, detail: `${table}.${column}` })) ?? null;
}

/** @param {Words} words */
const tables = (words) => Object.entries(words.tables).map(([label, one]) => ({ label, detail: one.system ? "system" : "yours", info: one.title || undefined }));

/** @param {number} from @param {Suggestion[]} options */
const offer = (from, options) => (options.length ? { from, options, validFor: /^[\w.$-]*$/ } : null);
