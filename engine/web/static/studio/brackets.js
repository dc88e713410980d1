// Reading `{…}` and `[…]` in one line, finished or not.

/** @typedef {{map: boolean, key: string | null, found: Record<string, string>}} Open */

/**
 * A value as written, without a comment; a quoted one without its quotes.
 * @param {string} value
 */
export function plain(value) {
  const found = value.replace(/(^|\s)#.*$/, "").trim();
  return found.replace(/^(["'])(.*)\1$/, "$2");
}

const QUOTED = /"(?:\\.|[^"\\])*"?|'[^']*'?/g;

/**
 * Whether every bracket that is opened is closed again.
 * @param {string} value
 */
export function closed(value) {
  let depth = 0;
  for (const char of value.replace(QUOTED, "")) depth += "{[".includes(char) ? 1 : "]}".includes(char) ? -1 : 0;
  return depth <= 0;
}

/**
 * Where the cursor stands between `before` and `after`: the path of keys and indexes, the mappings around
 * it (`maps`, outermost first), whether a key or a value is written, and `all` mappings met, in order.
 * @param {string} before
 * @param {string} after
 */
export function brackets(before, after) {
  /** @type {Open[]} */
  const stack = [];
  /** @type {Open[]} */
  const all = [];
  read(before, stack, all);
  const around = [...stack];
  const inner = around.at(-1);
  const inside = around.filter((one) => !one.map || one.key !== null);
  const path = inside.map((one) => (one.map ? /** @type {string} */ (one.key) : 0));
  const kind = inner?.map && inner.key === null ? "key" : "value";
  // What follows the cursor in the same brackets is there already, too.
  read(after, stack, all);
  return { path, maps: around.filter((one) => one.map).map((one) => one.found), kind, all: all.map((one) => one.found) };
}

/** @param {string} text @param {Open[]} stack @param {Open[]} all */
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
