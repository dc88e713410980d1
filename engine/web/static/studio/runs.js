import { get } from "./api.js";
import { asked, h, page, refill, show } from "./dom.js";
import { choice, field, filters, paging } from "./filters.js";
import { follow } from "./live.js";
import { badge, ending, grid, time, took } from "./parts.js";

const here = asked();
const filtered = ["flow", "outcome", "type", "order"].some((name) => here[name]);
const list = h("div");
let newest = Infinity;

/** @param {any} found */
function fill(found) {
  refill(
    list,
    found.runs.length
      ? grid("Runs, the latest first", ["Run", "Outcome", "Flow", "Event", "Started (UTC)", "Took", "Error"], found.runs.map(cells), found.runs.map((/** @type {any} */ run) => (run.id > newest ? "fresh" : "")))
      : h("p", { class: "empty" }, filtered ? "No run fits these filters." : "Nothing has run yet. Runs appear here as soon as Stripe's events arrive."),
    found.stopped_early ? h("p", { class: "notice" }, `Searched back to run ${found.before}; “Older” searches on.`) : null,
    paging(["before"], found.before ? [found.before] : null),
  );
  newest = found.runs[0]?.id ?? 0;
}

/** @param {any} run */
const cells = (run) => [
  h("a", { href: `/studio/runs/${run.id}` }, run.id),
  [badge(ending(run)), run.later ? [" ", h("a", { href: `/studio/runs/${run.later}` }, `in ${run.later}`)] : null, run.earlier ? [" ", h("span", { class: "dim" }, "from "), h("a", { href: `/studio/runs/${run.earlier}` }, run.earlier)] : null],
  h("a", { href: `/studio/runs/${run.id}`, tabindex: "-1" }, run.flow),
  run.event_id ? h("a", { href: `/studio/inbox/${encodeURIComponent(run.event_id)}`, title: run.event_id }, run.event_type ?? run.event_id) : h("span", { class: "dim" }, "no event: an action"),
  time(run.started_at),
  h("span", { class: "number" }, took(run.duration_us)),
  h("span", { class: "wrap", title: run.error }, run.error ?? ""),
];

page(async () => {
  const found = await get("runs", here);
  const sign = here.before ? null : follow(["run"], async () => fill(await get("runs", here)));
  show(
    ["Runs ", sign],
    filters("Filter runs", [
      choice("flow", "Flow", "every flow", found.flows, here.flow),
      choice("outcome", "Outcome", "every outcome", found.outcomes, here.outcome),
      choice("type", "Event type", "every type", found.types, here.type),
      field("order", "Order", here.order),
      h("button", null, "Filter"),
      filtered ? h("a", { class: "button quiet", href: "/studio/runs" }, "Clear") : null,
    ]),
    list,
  );
  fill(found);
});
