import { get } from "./api.js";
import { h, page, show } from "./dom.js";

/** @param {any} table */
const card = (table) =>
  h("li", null, h("a", { href: `/studio/tables/${table.name}` }, table.name), table.orders ? h("span", { class: "tag" }, "orders") : null, h("p", null, table.title), h("p", { class: "dim" }, `${table.columns.length} columns, key ${table.key}`));

page(async () => {
  const { tables } = await get("tables");
  show(
    "Tables",
    h("h2", null, "Yours"),
    h("ul", { class: "cards" }, tables.filter((/** @type {any} */ one) => !one.system).map(card)),
    h("h2", null, "The system's"),
    h("p", { class: "dim" }, "Only locked nodes write these."),
    h("ul", { class: "cards" }, tables.filter((/** @type {any} */ one) => one.system).map(card)),
  );
});
