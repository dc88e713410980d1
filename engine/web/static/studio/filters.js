// Filters and pages of lists; both live in the address.

import { h } from "./dom.js";

/** @typedef {import("./types").Content} Content */

/**
 * A form of filters: choosing one loads the page with it.
 * @param {string} label
 * @param {Content[]} fields
 */
export function filters(label, fields) {
  const form = h("form", { class: "filters", method: "get", role: "search", "aria-label": label }, fields);
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", () => form.requestSubmit());
  return form;
}

/**
 * A labelled choice; `all` stands for any of them.
 * @param {string} name
 * @param {string} label
 * @param {string} all
 * @param {string[]} values
 * @param {string | undefined} chosen
 */
export function choice(name, label, all, values, chosen) {
  const listed = ["", ...values];
  if (chosen && !listed.includes(chosen)) listed.push(chosen);
  const options = listed.map((value) => h("option", { value, selected: value === (chosen ?? "") }, value || all));
  return h("label", null, h("span", null, label), h("select", { name }, options));
}

/**
 * A labelled field.
 * @param {string} name
 * @param {string} label
 * @param {string | undefined} value
 */
export function field(name, label, value) {
  return h("label", null, h("span", null, label), h("input", { name, value: value ?? "", size: 12, autocomplete: "off" }));
}

/**
 * Links to the newest and to the older entries of a list. `params` are the words of the query string that
 * say where a page begins, `older` their values for the next one.
 * @param {string[]} params
 * @param {(string | number)[] | null} older
 */
export function paging(params, older) {
  const here = new URLSearchParams(location.search);
  const paged = params.some((name) => here.has(name));
  const first = new URLSearchParams(here);
  for (const name of params) first.delete(name);
  const next = new URLSearchParams(first);
  older?.forEach((value, index) => next.set(params[index], String(value)));
  if (!paged && !older) return null;
  return h(
    "nav",
    { class: "paging", "aria-label": "Pages" },
    paged ? h("a", { class: "button", href: `?${first}` }, "« Newest") : null,
    older ? h("a", { class: "button", href: `?${next}`, rel: "next" }, "Older »") : null,
  );
}
