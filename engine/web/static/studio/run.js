import { get } from "./api.js";
import { argument, h, page, show } from "./dom.js";
import { badge, ending, facts, grid, json, time, took } from "./parts.js";
import { changes, flat } from "./steps.js";
import { graphView } from "./view.js";

/** @typedef {import("./types").Content} Content */

page(async () => {
  const run = await get(`runs/${argument()}`);
  show(
    [h("span", { class: "dim" }, `Run ${run.id} `), run.flow, " ", badge(ending(run))],
    run.title ? h("p", { class: "lead" }, run.title) : null,
    run.error ? h("p", { class: "error" }, run.error, h("br"), "Everything this run wrote was undone.") : null,
    parts(run),
    run.path?.gave_up ? h("p", { class: "notice" }, "This run is what `give_up` of a call did when its last try had failed. The run that asked for the call is another.") : null,
    head(run),
    run.known && run.event ? h("p", { class: "actions" }, h("a", { class: "button", href: `/studio/playground/${run.flow}?event=${encodeURIComponent(run.event.id)}` }, "Try this event in the playground")) : null,
    run.graph ? graphView(run.graph, `The path of run ${run.id} through ${run.flow}`, { run }) : graphless(run),
    run.siblings.length ? [h("h2", null, "Other runs of this event"), siblings(run)] : null,
    run.body ? h("details", null, h("summary", null, "The event's JSON"), json(run.body, "The event's JSON")) : null,
  );
});

/**
 * A user action is one run up to each call it waits for, and one from there: where its other parts are.
 * @param {any} run
 * @returns {Content}
 */
function parts(run) {
  /** @param {number | null} id @param {string} unknown */
  const link = (id, unknown) => (id ? h("a", { href: `/studio/runs/${id}` }, `run ${id}`) : unknown);
  const stopped = flat(run.steps).find((step) => run.path?.nodes[step.id]?.state === "waits");
  return [
    run.earlier || run.path?.resumed ? h("p", { class: "notice" }, "This run went on from ", link(run.earlier, "an earlier one"), ", with the answer to the call it waited for: the nodes before that ran there.") : null,
    run.later || run.waits ? h("p", { class: "notice" }, "This run is a part of the action: it ended ", stopped ? ["at the node ", h("strong", null, stopped.id), ", ", stopped.stop] : "at a call", ". What it did was committed before the call was made. ", run.unanswered ? "The action goes on by itself, in another run, when the answer is there." : ["The action went on in ", link(run.later, "a later run"), "."]) : null,
  ];
}

/** @param {any} run */
function head(run) {
  const event = run.event;
  return facts([
    ["Event", event && h("a", { href: `/studio/inbox/${encodeURIComponent(event.id)}` }, event.type)],
    ["About", event?.subject && h("code", null, event.subject)],
    [run.orders.length > 1 ? "Orders" : "Order", run.orders.length ? run.orders.map(orderLink) : null],
    ["API version", event?.api_version],
    ["Started (UTC)", time(run.started_at)],
    ["Took", took(run.duration_us)],
    ["Flow version", version(run)],
  ]);
}

/** @param {string | number} key @param {number} index @returns {Content} */
const orderLink = (key, index) => [index ? ", " : "", h("a", { href: `/studio/runs?order=${encodeURIComponent(key)}`, title: "Runs about this order" }, key)];

/** @param {any} run @returns {Content} */
function version(run) {
  if (run.current) return "the one that runs now";
  return run.known ? ["an older one (", h("code", null, run.version), ")"] : "of a flow that is gone";
}

/** @param {any} run @returns {Content} */
function graphless(run) {
  /** @param {import("./types").Step} step */
  const one = (step) => h("section", null, h("h2", null, step.id), step.changes.length ? changes(step.changes, run.undone) : null);
  return [h("p", { class: "notice" }, "The text of this version of the flow cannot be read any more, so there is no graph."), run.steps.map(one)];
}

/** @param {any} run */
function siblings(run) {
  /** @param {any} one */
  const cells = (one) => [h("a", { href: `/studio/runs/${one.id}` }, one.id), badge(one.outcome), one.flow, time(one.started_at)];
  return grid("Other runs of this event", ["Run", "Outcome", "Flow", "Started (UTC)"], run.siblings.map(cells));
}
