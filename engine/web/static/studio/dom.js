// Building pages. Text only ever becomes text: nothing here or elsewhere in the studio parses HTML.

/** An element: `h("p", {class: "dim"}, "text", child)`. Functions become listeners, null and false are left out. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

/** Replace what `main` shows below its heading, which becomes `title` (text or nodes). */
export function show(title, ...children) {
  const main = document.getElementById("main");
  const heading = h("h1", null, title);
  main.replaceChildren(heading, ...children.flat(Infinity).filter(Boolean));
  const words = heading.textContent;
  const rest = document.title.split(" · ").slice(-2).join(" · ");
  document.title = `${words} · ${rest}`;
}

/** What went wrong, in place of the page or of a part of it. */
export function trouble(error) {
  return h("p", { class: "error", role: "alert" }, error.message || String(error));
}

/** Run a page: whatever it throws is shown. */
export async function page(work) {
  try {
    await work();
  } catch (error) {
    document.getElementById("loading")?.remove();
    document.getElementById("main").append(trouble(error));
    if (!error.status) throw error;
  } finally {
    document.body.dataset.ready = "yes";
  }
}

/** The part of the address after the page's name: `/studio/runs/12` gives `12`. */
export function argument() {
  return decodeURIComponent(location.pathname.split("/")[3] ?? "");
}

export const STATES = {
  done: ["✓", "done"],
  stopped: ["■", "stopped"],
  failed: ["✕", "failed"],
  dead: ["✕", "dead letter"],
  waiting: ["◷", "waiting"],
  received: ["◷", "received"],
  ignored: ["○", "set aside"],
  duplicate: ["○", "seen before"],
  left: ["○", "left alone"],
};

/** An outcome or state as a badge: a mark, a word and a colour. */
export function badge(state) {
  const [mark, word] = STATES[state] ?? ["•", state];
  return h("span", { class: `badge ${state}` }, h("span", { "aria-hidden": "true" }, mark), ` ${word}`);
}

/** A timestamp text (UTC) as people read it. */
export function time(text) {
  if (!text) return "";
  return h("time", { datetime: text, title: `${text} (UTC)` }, text.replace("T", " ").replace("Z", ""));
}

/** Microseconds in the unit that fits. */
export function took(us) {
  if (us < 1000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`;
}

/** A table with a caption for screen readers; `rows` are lists of cells. */
export function grid(caption, columns, rows) {
  const head = columns.map((one) => h("th", { scope: "col" }, one));
  const body = rows.map((cells) => h("tr", null, cells.map((cell) => h("td", null, cell))));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", null, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, head)), h("tbody", null, body)),
  );
}

/** A JSON value as it stands in a line. */
export function short(value, most = 160) {
  const text = typeof value === "string" ? JSON.stringify(value) : JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** A JSON value whole, to be read and copied. */
export function json(value, label) {
  const text = JSON.stringify(value, null, 2);
  const copy = h("button", { class: "quiet copy", type: "button", click: () => navigator.clipboard?.writeText(text) }, "Copy");
  return h("div", { class: "json" }, copy, h("pre", { tabindex: "0", role: "region", "aria-label": label }, text));
}

/** A page's facts: pairs of a term and what it is; empty ones are left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([term, value]) => h("div", null, h("dt", null, term), h("dd", null, value))));
}

/** A form of filters that live in the address: choosing one loads the page with it. */
export function filters(label, fields) {
  const form = h("form", { class: "filters", method: "get", role: "search", "aria-label": label }, fields);
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
  return form;
}

/** A labelled choice. `options` are texts or pairs of value and text; the first stands for all. */
export function choice(name, label, all, options, chosen) {
  const listed = [["", all], ...options.map((one) => (Array.isArray(one) ? one : [one, one]))];
  if (chosen && !listed.some(([value]) => value === chosen)) listed.push([chosen, chosen]);
  return h(
    "label",
    null,
    h("span", null, label),
    h("select", { name }, listed.map(([value, text]) => h("option", { value, selected: value === (chosen ?? "") }, text))),
  );
}

/** Links to the newest and to the older entries of a list. */
export function paging(params, older) {
  const here = new URLSearchParams(location.search);
  const paged = params.some((name) => here.has(name));
  const first = new URLSearchParams(here);
  params.forEach((name) => first.delete(name));
  const next = new URLSearchParams(first);
  if (older) params.forEach((name, index) => next.set(name, older[index]));
  if (!paged && !older) return null;
  return h(
    "nav",
    { class: "paging", "aria-label": "Pages" },
    paged ? h("a", { class: "button", href: `?${first}` }, "« Newest") : null,
    older ? h("a", { class: "button", href: `?${next}`, rel: "next" }, "Older »") : null,
  );
}
