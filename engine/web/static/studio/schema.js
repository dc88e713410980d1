// Walking the JSON Schema of flows: what keys and values may stand at a path.

/** @typedef {any} Schema */
/** @typedef {Record<string, string>} Plain a mapping with the plain values of its keys */
/** @typedef {import("./types").Suggestion} Suggestion */

/** @param {Schema} root @param {Schema} schema */
function resolve(root, schema) {
  let found = schema;
  while (found?.$ref) found = found.$ref.slice(2).split("/").reduce((/** @type {any} */ at, /** @type {string} */ part) => at?.[part], root);
  return found;
}

/**
 * The schemas of a mapping that fit its keys: `type` chooses among node types, `table` among tables.
 * @param {Schema} root
 * @param {Schema} schema
 * @param {Plain | null | undefined} map
 * @returns {Schema[]}
 */
function fitting(root, schema, map) {
  const found = resolve(root, schema);
  if (!found) return [];
  const all = (found.allOf ?? []).map((/** @type {any} */ one) => (one.if ? holds(one.if, map) && one.then : one));
  return [found, ...[...all, ...(found.anyOf ?? [])].flatMap((one) => fitting(root, one, map))];
}

/**
 * Whether a mapping has the values that a condition names; of what stands deeper nothing is known.
 * @param {Schema} condition
 * @param {Plain | null | undefined} map
 */
const holds = (condition, map) => Object.entries(condition.properties ?? {}).every(([key, one]) => one.const !== undefined && one.const === map?.[key]);

/**
 * The schemas at a path; `maps` are the mappings on the way, outermost first. Null where nothing is known.
 * @param {Schema} root
 * @param {(string | number)[]} path
 * @param {Plain[]} maps
 * @returns {Schema[] | null}
 */
export function descend(root, path, maps) {
  let schemas = [root];
  let depth = 0;
  for (const step of path) {
    const map = typeof step === "number" ? null : maps[depth++];
    const next = schemas
      .flatMap((one) => fitting(root, one, map))
      .map((one) => {
        if (typeof step === "number") return one.items;
        return one.properties?.[step] ?? (typeof one.additionalProperties === "object" ? one.additionalProperties : null);
      });
    schemas = next.filter((one) => one !== null && one !== undefined);
    if (!schemas.length) return null;
  }
  return schemas.flatMap((one) => fitting(root, one, maps[depth]));
}

/**
 * The keys a mapping may have, the required ones first.
 * @param {Schema} root
 * @param {Schema[]} schemas
 * @returns {Suggestion[]}
 */
export function keys(root, schemas) {
  /** @type {Map<string, Suggestion>} */
  const found = new Map();
  for (const one of schemas) {
    for (const label of one.required ?? []) if (!found.has(label)) found.set(label, { label, boost: 2 });
    for (const [label, property] of Object.entries(one.properties ?? {})) {
      if (!property || property.doNotSuggest) continue;
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

/**
 * The values that are listed.
 * @param {Schema[]} schemas
 * @returns {Suggestion[]}
 */
export function choices(schemas) {
  /** @type {Map<string, Suggestion>} */
  const found = new Map();
  for (const one of schemas) {
    if (one.const !== undefined) found.set(String(one.const), { label: String(one.const), detail: one.title, info: one.description });
    for (const label of (one.enum ?? []).map(String)) found.set(label, { label });
    if (one.type === "boolean") ["true", "false"].forEach((label) => found.set(label, { label }));
  }
  return [...found.values()];
}

/** @type {Record<string, string>} */
const KINDS = { object: "mapping", array: "list", string: "text" };
/** @param {Schema} schema @returns {string | undefined} the first kind, where it may be of several */
function kindOf(schema) {
  const first = schema?.anyOf?.[0] ?? schema;
  const [type] = [first?.type].flat();
  return first?.enum ? "choice" : (KINDS[type] ?? type);
}
