import { get } from "./api.js";
import { argument, badge, facts, grid, h, json, page, show, time, took } from "./dom.js";
import { changes } from "./steps.js";
import { graphView } from "./view.js";

page(async () => {
  const run = await get(`runs/${argument()}`);
  const event = run.event;
  const version = run.current ? "the one that runs now" : run.known ? h("span", null, "an older one (", h("code", null, run.version), ")") : "of a flow that is gone";
  const view = run.graph ? graphView(run.graph, `The path of run ${run.id} through ${run.flow}`, { run }) : null;
  show(
    [h("span", { class: "dim" }, `Run ${run.id} `), run.flow, " ", badge(run.outcome)],
    run.title ? h("p", { class: "lead" }, run.title) : null,
    run.error ? h("p", { class: "error" }, run.error, h("br"), "Everything this run wrote was undone.") : null,
    run.path?.resumed ? h("p", { class: "notice" }, "This run went on from an earlier one, after a call to Stripe: the nodes before it ran there.") : null,
    facts([
      ["Event", event && h("a", { href: `/studio/inbox/${encodeURIComponent(event.id)}` }, event.type)],
      ["About", event?.subject && h("code", null, event.subject)],
      [run.orders.length > 1 ? "Orders" : "Order", run.orders.length ? run.orders.map((key, index) => [index ? ", " : "", h("a", { href: `/studio/runs?order=${encodeURIComponent(key)}`, title: "Runs about this order" }, `${key}`)]) : null],
      ["API version", event?.api_version],
      ["Started (UTC)", time(run.started_at)],
      ["Took", took(run.duration_us)],
      ["Flow version", version],
    ]),
    run.known && event ? h("p", { class: "actions" }, h("a", { class: "button", href: `/studio/playground/${run.flow}?event=${encodeURIComponent(event.id)}` }, "Try this event in the playground")) : null,
    view?.element ?? [h("p", { class: "notice" }, "The text of this version of the flow cannot be read any more, so there is no graph."), run.steps.map((one) => h("section", null, h("h2", null, one.id), one.changes.length ? changes(one.changes, run.undone) : null))],
    run.siblings.length ? [h("h2", null, "Other runs of this event"), grid("Other runs of this event", ["Run", "Outcome", "Flow", "Started (UTC)"], run.siblings.map((one) => [h("a", { href: `/studio/runs/${one.id}` }, `${one.id}`), badge(one.outcome), one.flow, time(one.started_at)]))] : null,
    run.body ? h("details", null, h("summary", null, "The event's JSON"), json(run.body, "The event's JSON")) : null,
  );
});
