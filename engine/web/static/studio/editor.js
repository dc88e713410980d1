// The YAML editor: CodeMirror in a shadow root, where its styles need no exception from the content policy.

import {
  EditorState,
  EditorView,
  HighlightStyle,
  autocompletion,
  bracketMatching,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  defaultKeymap,
  drawSelection,
  foldGutter,
  foldKeymap,
  forceParsing,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSelectionMatches,
  history,
  historyKeymap,
  indentOnInput,
  indentUnit,
  keymap,
  lineNumbers,
  lintGutter,
  lintKeymap,
  searchKeymap,
  setDiagnostics,
  syntaxHighlighting,
  tags,
  yaml,
} from "./vendor/codemirror.js";
import { hanging } from "./hanging.js";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code)", fontWeight: "600" },
  { tag: [tags.string, tags.content, tags.attributeValue], color: "var(--ink)" },
  { tag: tags.comment, color: "var(--dim)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.bool, tags.number, tags.null], color: "var(--lock)" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: "var(--dim)" },
]);

/** @param {string} colour */
const underline = (colour) => ({
  // CodeMirror's own underline is a picture in a data: address, which the content policy forbids.
  backgroundImage: "none",
  textDecoration: `underline wavy ${colour} 1.5px`,
  textUnderlineOffset: "3px",
  textDecorationSkipInk: "none",
});
/** @param {string} colour @param {string} text */
const marker = (colour, text) => ({ content: `"${text}"`, color: colour, fontWeight: "700", fontSize: "0.9em" });

const looks = EditorView.theme({
  "&": { height: "100%", fontSize: "14px", color: "var(--ink)", backgroundColor: "var(--paper)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--dim)", border: "0", borderRight: "1px solid var(--line)" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 7%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--raised)", color: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "color-mix(in srgb, var(--accent) 28%, transparent)" },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
  ".cm-foldPlaceholder": { background: "var(--raised)", border: "1px solid var(--line)", color: "var(--dim)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-lintRange-error": underline("var(--bad)"),
  ".cm-lintRange-warning": underline("var(--warn)"),
  ".cm-gutter-lint": { width: "1.2em" },
  ".cm-lint-marker": { width: "1em", height: "auto" },
  ".cm-lint-marker-error, .cm-lint-marker-warning, .cm-lint-marker-info": { content: "normal" },
  ".cm-lint-marker-error:before": marker("var(--bad)", "✕"),
  ".cm-lint-marker-warning:before": marker("var(--warn)", "!"),
  ".cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--strong-line)", borderRadius: "6px", boxShadow: "0 6px 20px rgb(0 0 0 / 18%)" },
  ".cm-tooltip-lint": { maxWidth: "34rem" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeftWidth: "4px", fontFamily: "system-ui, sans-serif", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "16em" },
  ".cm-tooltip-autocomplete ul li": { color: "var(--ink)", padding: "2px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent)", color: "var(--accent-ink)" },
  ".cm-completionDetail": { fontStyle: "normal", color: "inherit", marginLeft: "1em" },
  ".cm-completionInfo": { padding: "6px 10px", maxWidth: "22rem", fontFamily: "system-ui, sans-serif", whiteSpace: "pre-wrap" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--ink)" },
  ".cm-panel.cm-panel-lint ul": { maxHeight: "10em" },
  ".cm-panel.cm-panel-lint ul [aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
  ".cm-panel input, .cm-panel button, .cm-button, .cm-textfield": { backgroundColor: "var(--paper)", backgroundImage: "none", color: "var(--ink)", border: "1px solid var(--strong-line)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-soft)" },
});

/**
 * Text typed over several lines: the browser itself would join them by a style of their own, which the
 * content policy forbids (and reports).
 */
const overLines = EditorView.domEventHandlers({
  beforeinput: (/** @type {InputEvent} */ event, /** @type {any} */ view) => {
    const { doc, selection } = view.state;
    const { from, to } = selection.main;
    const plain = event.inputType === "insertText" && event.data && !event.isComposing && !/["'{[(]/.test(event.data.charAt(0));
    if (!plain || doc.lineAt(from).number === doc.lineAt(to).number) return false;
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

const PARSED_WITHIN = 1000; // milliseconds that Enter may wait

/**
 * Enter indents by the parsed text. The parser has 20 ms an edit and goes on when the browser is idle: on a
 * slow computer it has often not come to the cursor, and the new line would begin below the dash of `- id: x`.
 */
const enter = (/** @type {any} */ view) => {
  forceParsing(view, view.state.selection.main.to, PARSED_WITHIN);
  return false; // the next binding does what Enter does
};
const parsedFirst = { key: "Enter", run: enter, shift: enter };

/** @typedef {{line: number, column: number}} Place from 1 */

/**
 * An editor inside `host`. `complete` is a CodeMirror completion source, `changed(text)` hears of
 * edits, `keys` are more key bindings. Tab moves on, as everywhere; Ctrl-] and Ctrl-[ indent.
 * @param {HTMLElement} host
 * @param {{text: string, label: string, complete: (context: any) => unknown, changed: (text: string) => void, keys: object[]}} options
 */
export function editor(host, { text, label, complete, changed, keys }) {
  const root = host.attachShadow({ mode: "open" });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        EditorView.lineWrapping,
        hanging,
        overLines,
        lintGutter(),
        foldGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("  "),
        bracketMatching(),
        closeBrackets(),
        autocompletion({ override: [complete], icons: false }),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        yaml(),
        syntaxHighlighting(colours),
        looks,
        EditorState.tabSize.of(2),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
        keymap.of([...keys, parsedFirst, ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
        EditorView.updateListener.of((/** @type {any} */ update) => {
          if (update.docChanged) changed(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    /** @returns {string} */
    text: () => view.state.doc.toString(),
    /**
     * Show findings: each at its line and column, under the word that stands there.
     * @param {import("./types").Problem[]} problems
     */
    mark(problems) {
      const { doc } = view.state;
      const marks = problems.map((one) => ({
        ...span(doc, one.place),
        severity: one.severity === "warning" ? "warning" : "error",
        message: `${one.message}\n${one.mend}`,
        source: one.code,
      }));
      marks.sort((a, b) => a.from - b.from);
      view.dispatch(setDiagnostics(view.state, marks));
    },
    /**
     * Put the cursor there and go on typing.
     * @param {number} line
     * @param {number} column
     */
    go(line, column = 1) {
      const { from } = span(view.state.doc, { line, column });
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    /**
     * Bring a line into sight, the focus stays where it is.
     * @param {number} line
     */
    reveal(line) {
      const { from } = view.state.doc.line(Math.min(line, view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
    },
  };
}

/**
 * From a place to the end of what stands there.
 * @param {any} doc
 * @param {Place} place
 */
function span(doc, place) {
  const line = doc.line(Math.min(Math.max(place.line, 1), doc.lines));
  const from = Math.min(line.from + Math.max(place.column - 1, 0), line.to);
  const rest = doc.sliceString(from, line.to);
  const quoted = /^(["'])(?:\\.|(?!\1).)*\1/.exec(rest);
  const word = quoted ?? /^[^\s,:{}[\]#]+/.exec(rest);
  const to = Math.min(from + (word ? word[0].length : 1), line.to);
  return to > from ? { from, to } : { from: Math.max(from - 1, line.from), to: from };
}
