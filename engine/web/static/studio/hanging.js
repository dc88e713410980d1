// Long lines go on below their own beginning, a little further in. By class, for the content policy
// forbids a style of one line's own.

import { Decoration, EditorView, RangeSetBuilder, ViewPlugin } from "./vendor/codemirror.js";

const MOST = 40; // columns
const MORE = 4; // columns further in than the line begins

/** @type {Record<string, object>} */
const looks = {};
for (let column = 0; column <= MOST; column++) {
  looks[`.cm-line.cm-in-${column}`] = { paddingLeft: `calc(${column + MORE}ch + 6px)`, textIndent: `-${column + MORE}ch` };
}

/** @param {any} view */
function decorate(view) {
  const found = new RangeSetBuilder();
  for (const { from, to } of view.visibleRanges) {
    for (let at = from; at <= to; ) {
      const line = view.state.doc.lineAt(at);
      const column = Math.min(line.text.search(/\S|$/), MOST);
      found.add(line.from, line.from, Decoration.line({ class: `cm-in-${column}` }));
      at = line.to + 1;
    }
  }
  return found.finish();
}

class Hanging {
  /** @param {any} view */
  constructor(view) {
    this.decorations = decorate(view);
  }

  /** @param {any} update */
  update(update) {
    if (update.docChanged || update.viewportChanged) this.decorations = decorate(update.view);
  }
}

/** The extension. */
export const hanging = [ViewPlugin.fromClass(Hanging, { decorations: (/** @type {Hanging} */ plugin) => plugin.decorations }), EditorView.baseTheme(looks)];
