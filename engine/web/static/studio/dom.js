// Building pages. Text only ever becomes text: nothing here or elsewhere in the studio parses HTML.

/** @typedef {import("./types").Content} Content */
/** @typedef {import("./types").Props} Props */

/**
 * An element: `h("p", {class: "dim"}, "text", child)`. Functions become listeners; null and false are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Content} children
 */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Content} children
 */
export function s(tag, props, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

/**
 * @template {Element} T
 * @param {T} element
 * @param {Props | undefined} props
 * @param {Content[]} children
 * @returns {T}
 */
function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...flat(children));
  return element;
}

/**
 * What of this there is to be seen.
 * @param {Content} content
 * @returns {(Node | string)[]}
 */
export function flat(content) {
  if (Array.isArray(content)) return content.flatMap(flat);
  if (content === null || content === undefined || content === false) return [];
  return [content instanceof Node ? content : String(content)];
}

/**
 * Have an element hold this and nothing else. What had the focus in it has it again, where it is still there.
 * @param {Element} place
 * @param {...Content} content
 */
export function refill(place, ...content) {
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const name = focused?.getAttribute("aria-label") ?? focused?.textContent;
  place.replaceChildren(...flat(content));
  if (!focused) return;
  const alike = [...place.querySelectorAll(focused.localName)].filter((one) => (one.getAttribute("aria-label") ?? one.textContent) === name);
  /** @type {HTMLElement | undefined} */ (alike[0])?.focus({ preventScroll: true });
}

/**
 * What `main` shows: its heading (text or nodes), then the rest.
 * @param {Content} title
 * @param {...Content} children
 */
export function show(title, ...children) {
  const heading = h("h1", null, title);
  refill(main(), heading, ...children);
  const rest = document.title.split(" · ").slice(-2).join(" · ");
  document.title = `${(heading.textContent ?? "").trim()} · ${rest}`;
}

const main = () => /** @type {HTMLElement} */ (document.getElementById("main"));

/**
 * What went wrong, in place of the page or of a part of it.
 * @param {unknown} error
 */
export function trouble(error) {
  return h("p", { class: "error", role: "alert" }, error instanceof Error ? error.message : String(error));
}

/**
 * Run a page: whatever it throws is shown.
 * @param {() => Promise<void>} work
 */
export async function page(work) {
  try {
    await work();
  } catch (error) {
    document.getElementById("loading")?.remove();
    main().append(trouble(error));
    if (!(error instanceof Error && "status" in error)) throw error;
  } finally {
    document.body.dataset.ready = "yes";
  }
}

/** The part of the address after the page's name: `/studio/runs/12` gives `12`. */
export function argument() {
  return decodeURIComponent(location.pathname.split("/")[3] ?? "");
}

/**
 * The query string of the address.
 * @returns {Record<string, string | undefined>}
 */
export function asked() {
  return Object.fromEntries(new URLSearchParams(location.search));
}
