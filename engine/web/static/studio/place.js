// Where in a flow the cursor stands, read from indentation and brackets: a line that is being written is
// no YAML yet, and no parser knows what it will be.

import { brackets, closed, plain } from "./brackets.js";

/** @typedef {{text: string, blank: boolean, dash: number, column: number, key: string | null, value: string, open: number}} Line */
/** @typedef {{path: (string | number)[], maps: Record<string, string>[], kind: string}} Spot */

/**
 * The keys and indexes that lead to the cursor (`path`), the mappings on the way with their plain values
 * (`maps`, outermost first), and whether a key or a value is being written (`kind`).
 * @param {string} text the whole file
 * @param {number} number the cursor's line, from 0
 * @param {string} before that line up to the cursor
 * @returns {Spot | null}
 */
export function place(text, number, before) {
  const lines = text.split("\n").map(parsed);
  const current = parsed(before);
  const flow = current.open >= 0 ? brackets(before.slice(current.open), lines[number].text.slice(before.length)) : null;
  /** @type {(string | number)[]} */
  const path = flow ? [...flow.path] : [];
  const maps = flow ? [...flow.maps] : [];
  const kind = flow ? flow.kind : current.key !== null ? "value" : "key";
  let { column, dash } = current;
  let at = number;
  /** @param {number} owner */
  const intoList = (owner) => {
    path.unshift(/** @type {string} */ (lines[owner].key), 0);
    ({ column, dash } = lines[owner]);
    at = owner;
  };
  if (current.key !== null) path.unshift(current.key);
  else if (flow) {
    // Without a key the bracket is the entry of a list itself.
    const owner = dash >= 0 ? ownerOfList(lines, at, dash) : -1;
    if (owner < 0) return null;
    intoList(owner);
  }
  for (;;) {
    maps.unshift(siblings(lines, at, column, at === number ? current : null));
    let top = at;
    while (dash < 0 && --top >= 0) {
      if (lines[top].blank || lines[top].column > column) continue;
      if (lines[top].column < column) break;
      dash = lines[top].dash;
    }
    if (dash >= 0) {
      const owner = ownerOfList(lines, Math.max(top, 0), dash);
      if (owner < 0) return null;
      intoList(owner);
      continue;
    }
    if (top < 0) return { path, maps, kind };
    const owner = lines[top];
    if (owner.key === null) return null;
    path.unshift(owner.key);
    ({ column, dash } = owner);
    at = top;
  }
}

/**
 * The line whose key holds the list that has a dash at this column on line `at`; -1 for none.
 * @param {Line[]} lines
 * @param {number} at
 * @param {number} dash
 */
function ownerOfList(lines, at, dash) {
  let owner = at - 1;
  while (owner >= 0 && (lines[owner].blank || lines[owner].column > dash || lines[owner].dash === dash)) owner--;
  return owner >= 0 && lines[owner].key !== null ? owner : -1;
}

/**
 * A line: where its dash and its key stand, the key, what follows it, and where a bracket is left open.
 * @param {string} text
 * @returns {Line}
 */
export function parsed(text) {
  const [, indent, dashes, key, value] = /** @type {RegExpExecArray} */ (/^(\s*)((?:- +|-$)*)(?:([\w.$-]+)\s*:(?=\s|$))?\s*(.*)$/.exec(text));
  return {
    text,
    blank: /^\s*(#.*)?$/.test(text),
    dash: dashes ? indent.length : -1,
    column: indent.length + dashes.length,
    key: key ?? null,
    value: plain(value),
    open: /^[{[]/.test(value) && !closed(value) ? text.length - value.length : -1,
  };
}

/**
 * The keys that stand in one mapping, with their plain values, around line `at`.
 * @param {Line[]} lines
 * @param {number} at
 * @param {number} column
 * @param {Line | null} current the line at the cursor, as far as it goes
 */
function siblings(lines, at, column, current) {
  /** @type {Record<string, string>} */
  const found = {};
  /** @param {Line} line */
  const add = (line) => {
    if (line.key !== null && line.column === column) found[line.key] = line.value;
  };
  const first = current ?? lines[at];
  add(first);
  for (let up = at, line = first; line.dash < 0 || line.column !== column; ) {
    if (--up < 0) break;
    line = lines[up];
    if (line.blank || line.column > column) continue;
    if (line.column < column) break;
    add(line);
  }
  for (let down = at + 1; down < lines.length; down++) {
    const line = lines[down];
    if (line.blank || line.column > column) continue;
    if (line.column < column || line.dash >= 0) break;
    add(line);
  }
  return found;
}
