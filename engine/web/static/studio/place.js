// Where in a flow the cursor stands, read from indentation and brackets: a line that is being written is
// no YAML yet, and no parser knows what it will be.

/**
 * The keys and indexes that lead to the cursor (`path`), the mappings on the way with their plain values
 * (`maps`, outermost first), and whether a key or a value is being written (`kind`).
 *
 * `text` is the whole file, `number` the cursor's line from 0, `before` that line up to the cursor.
 */
export function place(text, number, before) {
  const lines = text.split("\n").map(parsed);
  const current = parsed(before);
  const flow = current.open >= 0 ? brackets(before.slice(current.open), lines[number].text.slice(before.length)) : null;
  const path = flow ? [...flow.path] : [];
  const maps = flow ? [...flow.maps] : [];
  const kind = flow ? flow.kind : current.key !== null ? "value" : "key";
  let { column, dash } = current;
  let at = number;
  if (current.key !== null) path.unshift(current.key);
  else if (flow && dash >= 0) {
    // The bracket is the entry of a list itself.
    const owner = ownerOfList(lines, at, dash);
    if (owner < 0) return null;
    path.unshift(lines[owner].key, 0);
    ({ column, dash } = lines[owner]);
    at = owner;
  } else if (flow) return null;
  for (;;) {
    maps.unshift(siblings(lines, at, column, at === number ? current : null));
    let top = at;
    while (dash < 0 && --top >= 0) {
      if (lines[top].blank || lines[top].column > column) continue;
      if (lines[top].column < column) break;
      dash = lines[top].dash;
    }
    if (dash < 0) {
      if (top < 0) return { path, maps, kind };
      if (lines[top].key === null) return null;
      path.unshift(lines[top].key);
    } else {
      top = ownerOfList(lines, Math.max(top, 0), dash);
      if (top < 0) return null;
      path.unshift(lines[top].key, 0);
    }
    ({ column, dash } = lines[top]);
    at = top;
  }
}

/** The line whose key holds the list that has a dash at this column on line `at`; -1 for none. */
function ownerOfList(lines, at, dash) {
  let owner = at - 1;
  while (owner >= 0 && (lines[owner].blank || lines[owner].column > dash || lines[owner].dash === dash)) owner--;
  return owner >= 0 && lines[owner].key !== null ? owner : -1;
}

/** A line: where its dash and its key stand, the key, what follows it, and where a bracket is left open. */
export function parsed(text) {
  const [, indent, dashes, key, value] = /^(\s*)((?:- +|-$)*)(?:([\w.$-]+)\s*:(?=\s|$))?\s*(.*)$/.exec(text);
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

const QUOTED = /"(?:\\.|[^"\\])*"?|'[^']*'?/g;

/** A value as written, without a comment; a quoted one without its quotes. */
function plain(value) {
  const found = value.replace(/(^|\s)#.*$/, "").trim();
  return found.replace(/^(["'])(.*)\1$/, "$2");
}

function closed(value) {
  let depth = 0;
  for (const char of value.replace(QUOTED, "")) depth += "{[".includes(char) ? 1 : "]}".includes(char) ? -1 : 0;
  return depth <= 0;
}

/** The keys that stand in one mapping, with their plain values, around line `at`. */
function siblings(lines, at, column, current) {
  const found = {};
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

/**
 * The same for `{…}` and `[…]` in one line: `before` the cursor, and what comes `after` it. `maps` are the
 * mappings around the cursor, `all` every mapping met, in order.
 */
export function brackets(before, after) {
  const stack = [];
  const all = [];
  read(before, stack, all);
  const around = [...stack];
  const inner = around.at(-1);
  const path = around.flatMap((one) => (one.map ? (one.key === null ? [] : [one.key]) : [0]));
  const kind = inner?.map && inner.key === null ? "key" : "value";
  // What follows the cursor in the same brackets is there already, too.
  read(after, stack, all);
  return { path, maps: around.filter((one) => one.map).map((one) => one.found), kind, all: all.map((one) => one.found) };
}

function read(text, stack, all) {
  const tokens = /"(?:\\.|[^"\\])*"?|'[^']*'?|[{}[\],]|:(?=\s|$)|[^{}[\],:"']+|./g;
  let words = "";
  const settle = () => {
    const top = stack.at(-1);
    if (top?.map && top.key !== null) top.found[top.key] = top.found[top.key] || plain(words);
    if (top) top.key = null;
    words = "";
  };
  for (const [token] of text.matchAll(tokens)) {
    const top = stack.at(-1);
    if (token === "{" || token === "[") {
      const one = { map: token === "{", key: null, found: {} };
      stack.push(one);
      if (one.map) all.push(one);
      words = "";
    } else if (token === ",") settle();
    else if (token === "}" || token === "]") {
      settle();
      stack.pop();
    } else if (token === ":" && top?.map && top.key === null) {
      top.key = plain(words);
      words = "";
    } else words += token;
  }
}
