// What may stand at the cursor, from the project's JSON Schema of flows (`actionflow schema`) and its nodes, flows and config.

import { syntaxTree } from "./vendor/codemirror.js";
import { place } from "./place.js";
import { choices, descend, keys } from "./schema.js";
import { nodesAbove, outputs } from "./scope.js";

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
  const schemas = descend(words.schema, at.path, at.maps);
  if (!schemas) return null;
  const last = at.path.at(-1);
  if (at.kind === "value") {
    if (last === "flow" && at.path.length > 1) return offer(from, words.flows.map((label) => ({ label, detail: "flow" })));
    return offer(from, choices(schemas));
  }
  const inner = at.maps.at(-1) ?? {};
  return offer(from, keys(words.schema, schemas).filter((one) => !(one.label in inner)).map((one) => ({ ...one, apply: `${one.label}: ` })));
}

/** @param {number} from @param {Suggestion[]} options */
const offer = (from, options) => (options.length ? { from, options, validFor: /^[\w.$-]*$/ } : null);
