import { get } from "./api.js";
import { argument, filters, grid, h, page, paging, short, show } from "./dom.js";

page(async () => {
  const here = Object.fromEntries(new URLSearchParams(location.search));
  const { table, rows, before } = await get(`tables/${argument()}`, here);
  const cell = (column, value) => {
    if (value === null) return h("span", { class: "dim" }, "–");
    const text = typeof value === "string" ? value : short(value, 80);
    if (column.references) return h("a", { href: `/studio/tables/${column.references}?key=${encodeURIComponent(value)}` }, text);
    if (table.orders && column.name === table.key) return h("a", { href: `/studio/runs?order=${encodeURIComponent(value)}`, title: "Runs about this order" }, text);
    return h("span", { class: typeof value === "number" ? "number" : "clip", title: text.length > 40 ? text : null }, text);
  };
  const heads = table.columns.map((column) => h("span", { title: column.type + (column.optional ? ", may be empty" : "") }, column.name, h("small", null, column.references ? `→ ${column.references}` : column.type)));
  show(
    [table.name, table.system ? h("span", { class: "tag" }, "system") : null],
    table.title ? h("p", { class: "lead" }, table.title) : null,
    filters("Find a row", [h("label", null, h("span", null, table.key), h("input", { name: "key", value: here.key ?? "", autocomplete: "off" })), h("button", null, "Find"), here.key ? h("a", { class: "button quiet", href: location.pathname }, "All rows") : null]),
    rows.length ? grid(`Rows of ${table.name}`, heads, rows.map((row) => table.columns.map((column) => cell(column, row[column.name])))) : h("p", { class: "empty" }, here.key ? "There is no such row." : "This table is empty."),
    paging(["before"], before === null ? null : [before]),
    h("p", { class: "dim" }, "Read only; amounts are in minor units, times in UTC."),
  );
});
