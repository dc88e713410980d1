import { get } from "./api.js";
import { argument, asked, h, page, refill, show } from "./dom.js";
import { field, filters, paging } from "./filters.js";
import { follow } from "./live.js";
import { grid, short, time } from "./parts.js";

const here = asked();
const list = h("div");
/** @type {Map<string, string> | null} */
let known = null;

async function load() {
  const { table, rows, before } = await get(`tables/${encodeURIComponent(argument())}`, here);
  const now = new Map(rows.map((/** @type {any} */ row) => [String(row[table.key]), JSON.stringify(row)]));
  const fresh = [...now].map(([key, text]) => (known && known.get(key) !== text ? "fresh" : ""));
  known = now;
  const heads = table.columns.map((/** @type {any} */ column) => h("span", { title: column.type + (column.optional ? ", may be empty" : "") }, column.name, h("small", null, column.references ? `→ ${column.references}` : column.type)));
  refill(
    list,
    rows.length
      ? grid(`Rows of ${table.name}`, heads, rows.map((/** @type {any} */ row) => table.columns.map((/** @type {any} */ column) => cell(table, column, row[column.name]))), fresh)
      : h("p", { class: "empty" }, here.key ? "There is no such row." : "This table is empty."),
    paging(["before"], before === null ? null : [before]),
  );
  return table;
}

/** @param {any} table @param {any} column @param {any} value */
function cell(table, column, value) {
  if (value === null) return h("span", { class: "dim" }, "–");
  const text = typeof value === "string" ? value : short(value, 80);
  if (column.references) return h("a", { href: `/studio/tables/${column.references}?key=${encodeURIComponent(value)}` }, text);
  if (table.orders && column.name === table.key) return h("a", { href: `/studio/runs?order=${encodeURIComponent(value)}`, title: "Runs about this order" }, text);
  if (column.type === "timestamp") return time(text);
  return h("span", { class: typeof value === "number" ? "number" : "clip", title: text.length > 40 ? text : null }, text);
}

page(async () => {
  const table = await load();
  show(
    [table.name, " ", table.system ? h("span", { class: "tag" }, "system") : null, " ", here.before ? null : follow(["change"], load)],
    table.title ? h("p", { class: "lead" }, table.title) : null,
    filters("Find a row", [field("key", table.key, here.key), h("button", null, "Find"), here.key ? h("a", { class: "button quiet", href: location.pathname }, "All rows") : null]),
    list,
    h("p", { class: "dim" }, "Read only; amounts are in minor units, times in UTC. Rows that change are marked as they do."),
  );
});
