import { get } from "./api.js";
import { badge, choice, filters, grid, h, page, paging, show, time, took } from "./dom.js";

page(async () => {
  const here = Object.fromEntries(new URLSearchParams(location.search));
  const found = await get("runs", here);
  const rows = found.runs.map((run) => [
    h("a", { href: `/studio/runs/${run.id}` }, `${run.id}`),
    badge(run.outcome),
    h("a", { href: `/studio/runs/${run.id}` }, run.flow),
    run.event_id ? h("a", { href: `/studio/inbox/${encodeURIComponent(run.event_id)}`, title: run.event_id }, run.event_type ?? run.event_id) : h("span", { class: "dim" }, "no event: an action"),
    time(run.started_at),
    h("span", { class: "number" }, took(run.duration_us)),
    h("span", { class: "wrap", title: run.error }, run.error ?? ""),
  ]);
  const filtered = ["flow", "outcome", "type", "order"].some((name) => here[name]);
  show(
    "Runs",
    filters("Filter runs", [
      choice("flow", "Flow", "every flow", found.flows, here.flow),
      choice("outcome", "Outcome", "every outcome", found.outcomes, here.outcome),
      choice("type", "Event type", "every type", found.types, here.type),
      h("label", null, h("span", null, "Order"), h("input", { name: "order", value: here.order ?? "", size: 8, autocomplete: "off", placeholder: "id" })),
      h("button", null, "Filter"),
      filtered ? h("a", { class: "button quiet", href: "/studio/runs" }, "Clear") : null,
    ]),
    rows.length
      ? grid("Runs, the latest first", ["Run", "Outcome", "Flow", "Event", "Started (UTC)", "Took", "Error"], rows)
      : h("p", { class: "empty" }, filtered ? "No run fits these filters." : "Nothing has run yet. Runs appear here as soon as Stripe's events arrive."),
    found.stopped_early ? h("p", { class: "notice" }, `Searched back to run ${found.before}; “Older” searches on.`) : null,
    paging(["before"], found.before ? [found.before] : null),
  );
});
