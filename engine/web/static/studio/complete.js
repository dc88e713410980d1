// What may stand at the cursor, from the JSON Schema of flows and the project's tables, flows and config.

import { syntaxTree } from "./vendor/codemirror.js";
import { brackets, parsed, place } from "./place.js";

const FILTERS = ["default"];

/** A CodeMirror completion source over what the server says may be written (`words`). */
export function completion(words) {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const open = before.lastIndexOf("{{");
    if (open >= 0 && before.indexOf("}}", open) < 0) return expression(context, words, before.slice(open + 2));
    if (/(^|\s)#/.test(before) && syntaxTree(context.state).resolveInner(context.pos, -1).name === "Comment") return null;
    return structure(context, words, before);
  };
}

// ---- inside {{ … }} ------------------------------------------------------------------------

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

function outputs(context, words, name) {
  if (name === "config") return words.config.map((label) => ({ label, detail: "config" }));
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

const columns = (words, table) => Object.entries(words.tables[table]?.columns ?? {}).map(([label, type]) => ({ label, detail: type }));

/** The nodes above the cursor whose list is still open there: id, type, table, and the names they declare. */
function nodesAbove(context) {
  const number = context.state.doc.lineAt(context.pos).number;
  const lines = context.state.doc.toString().split("\n").map(parsed);
  const found = [];
  for (let at = 0; at < number - 1; at++) {
    if (lines[at].dash < 0) continue;
    const node = entry(lines, at);
    // The entry one is inside of cannot be read yet, unless it is the branch around.
    const open = lines.slice(node.end + 1, number).every((line) => line.blank || line.column >= lines[at].dash);
    if (node.map.id && node.map.type && node.end < number - 1 && open) {
      found.push({ id: node.map.id, type: node.map.type, table: node.map.table, declared: node.declared });
    }
  }
  return found;
}

/** One entry of a list that begins on line `at`: its keys, what it declares, its last line. */
function entry(lines, at) {
  const first = lines[at];
  let end = at;
  while (end + 1 < lines.length && (lines[end + 1].blank || lines[end + 1].column > first.dash) && !(lines[end + 1].dash >= 0 && lines[end + 1].dash <= first.dash)) end++;
  if (first.key === null && first.value.startsWith("{")) {
    const { maps, all } = brackets(first.value, "");
    return { map: maps[0] ?? all[0] ?? {}, declared: all.slice(1).flatMap((one) => Object.keys(one)), end };
  }
  const map = {};
  const declared = new Set();
  for (let line = at; line <= end; line++) {
    const { key, column, value } = lines[line];
    if (key === null) continue;
    if (column === first.column) map[key] = value;
    if (!["values", "outputs", "gives"].includes(key)) continue;
    if (value.startsWith("{")) for (const name of Object.keys(brackets(value, "").all[0] ?? {})) declared.add(name);
    for (let inner = line + 1; inner <= end && (lines[inner].blank || lines[inner].column > column); inner++) {
      if (lines[inner].key !== null) declared.add(lines[inner].key);
    }
  }
  return { map, declared: [...declared], end };
}

/** The names of the flow's inputs: keys below `input:`. */
function inputs(context) {
  const lines = context.state.doc.toString().split("\n").map(parsed);
  const at = lines.findIndex((line) => line.key === "input" && line.column === 0);
  if (at < 0) return [];
  if (lines[at].value.startsWith("{")) return Object.keys(brackets(lines[at].value, "").all[0] ?? {});
  const found = [];
  for (let line = at + 1; line < lines.length && (lines[line].blank || lines[line].column > 0); line++) {
    if (lines[line].key !== null && lines[line].column === lines[at + 1].column) found.push(lines[line].key);
  }
  return found;
}

// ---- keys and values -----------------------------------------------------------------------

function structure(context, words, before) {
  const word = /[\w.$-]*$/.exec(before)[0];
  if (!word && !context.explicit && !/[:{,[-]\s$/.test(before)) return null;
  const at = place(context.state.doc.toString(), context.state.doc.lineAt(context.pos).number - 1, before);
  if (!at) return null;
  const from = context.pos - word.length;
  const schema = descend(words.schema, at.path, at.maps);
  if (!schema) return null;
  const last = at.path.at(-1);
  const inner = at.maps.at(-1) ?? {};
  if (at.kind === "value") {
    if (last === "table") return offer(from, Object.entries(words.tables).map(([label, one]) => ({ label, detail: one.system ? "system" : "yours", info: one.title || undefined })));
    if (last === "flow" && at.path.length > 1) return offer(from, words.flows.map((label) => ({ label, detail: "flow" })));
    const listed = choices(words.schema, schema);
    return offer(from, last === "type" ? listed.map((one) => ({ ...one, detail: words.titles[one.label] })) : listed);
  }
  const owner = [...at.maps].reverse().find((one) => one.table);
  const names = (last === "where" || last === "values") && owner ? columns(words, owner.table) : properties(words.schema, schema);
  return offer(from, names.filter((one) => !(one.label in inner)).map((one) => ({ ...one, apply: `${one.label}: ` })));
}

const offer = (from, options) => (options.length ? { from, options, validFor: /^[\w.$-]*$/ } : null);

// ---- walking the schema --------------------------------------------------------------------

function resolve(root, schema) {
  let found = schema;
  while (found?.$ref) found = found.$ref.slice(2).split("/").reduce((at, part) => at?.[part], root);
  return found;
}

/** The schemas of a mapping that fit its keys: `type` chooses among node types. */
function fitting(root, schema, map) {
  const found = resolve(root, schema);
  if (!found) return [];
  const chosen = (found.allOf ?? []).filter((one) => map?.type && one.if?.properties?.type?.const === map.type).map((one) => one.then);
  const any = [...(found.anyOf ?? []), ...(found.oneOf ?? [])];
  return [found, ...[...chosen, ...any].flatMap((one) => fitting(root, one, map))];
}

/** The schema at a path; `maps` are the mappings on the way, outermost first. */
function descend(root, path, maps) {
  let schemas = [root];
  let depth = 0;
  for (const step of path) {
    const map = typeof step === "number" ? null : maps[depth++];
    const next = schemas.flatMap((one) => fitting(root, one, map)).map((one) => {
      if (typeof step === "number") return one.items;
      return one.properties?.[step] ?? (typeof one.additionalProperties === "object" ? one.additionalProperties : null);
    });
    schemas = next.filter((one) => one !== null && one !== undefined);
    if (!schemas.length) return null;
  }
  return schemas.flatMap((one) => fitting(root, one, maps[depth]));
}

function properties(root, schemas) {
  const found = new Map();
  for (const one of schemas) {
    for (const label of one.required ?? []) if (!found.has(label)) found.set(label, { label, boost: 2 });
    for (const [label, property] of Object.entries(one.properties ?? {})) {
      const told = resolve(root, property);
      const known = found.get(label);
      found.set(label, {
        label,
        detail: known?.detail ?? kindOf(told),
        info: known?.info ?? told?.description ?? told?.title,
        boost: known?.boost || (one.required?.includes(label) ? 2 : 0),
      });
    }
  }
  return [...found.values()];
}

const kindOf = (schema) => (typeof schema?.type === "string" ? ({ object: "mapping", array: "list", string: "text" }[schema.type] ?? schema.type) : undefined);

function choices(root, schemas) {
  const found = new Set();
  for (const one of schemas) {
    if (one.const !== undefined) found.add(String(one.const));
    for (const value of one.enum ?? []) found.add(String(value));
    if (one.type === "boolean") ["true", "false"].forEach((value) => found.add(value));
  }
  return [...found].map((label) => ({ label }));
}
