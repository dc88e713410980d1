// A graph beside the panel about the chosen node: what runs, flows and the playground have in common.

import { h } from "./dom.js";
import { draw, fit } from "./graph.js";
import { panel, telling } from "./steps.js";

/**
 * The graph and its panel. `run` holds steps, path and undone of a (dry) run; without it the flow
 * alone is shown. `chosen(node)` is told which node was picked.
 */
export function graphView(graph, label, { run = null, chosen = null } = {}) {
  const side = h("aside", { class: "panel", "aria-live": "polite", "aria-label": "The chosen node" });
  const frame = h("div", { class: "frame" });
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const pick = (id, told = true) => {
    const node = byId.get(id);
    side.replaceChildren(...panel(node, run?.steps ?? [], { undone: run?.undone, ran: run !== null }).flat(Infinity).filter(Boolean));
    if (told) chosen?.(node);
  };
  const picture = draw(graph, { path: run?.path ?? null, label, chosen: pick });
  frame.append(picture.element);
  const first = run ? telling(run.steps) : graph.nodes.find((node) => !node.end)?.id;
  if (first && byId.has(first)) {
    picture.choose(first, true);
    pick(first, false);
  }
  queueMicrotask(() => fit(frame, picture.element));
  const legend = h(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    run ? [h("li", null, h("span", { class: "key on" }), "taken"), h("li", null, h("span", { class: "key off" }), "not taken")] : null,
    graph.nodes.some((node) => node.locked) ? h("li", null, h("span", { class: "key locked" }), "locked") : null,
    graph.edges.some((edge) => edge.later) ? h("li", null, h("span", { class: "key later" }), "later, by itself") : null,
  );
  return { element: h("div", { class: "view" }, h("div", { class: "drawing" }, frame, legend), side), choose: picture.choose, frame, side };
}
