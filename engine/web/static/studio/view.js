// A graph beside the panel about the chosen node: what runs, flows and the playground have in common.

import { flat, h } from "./dom.js";
import { draw, fit } from "./graph.js";
import { panel, telling } from "./steps.js";

/** @typedef {import("./types").Graph} Graph */
/** @typedef {import("./types").GraphNode} GraphNode */

/**
 * The graph and its panel. `run` holds steps and path of a (dry) run; without it the flow alone is shown.
 * `chosen(node)` is told which node somebody picked, `first` is the node to begin with.
 * @param {Graph} graph
 * @param {string} label
 * @param {{run?: import("./types").Ran | null, chosen?: (node: GraphNode) => void, first?: string | null}} [options]
 */
export function graphView(graph, label, { run = null, chosen, first = null } = {}) {
  const side = h("aside", { class: "panel", "aria-live": "polite", "aria-label": "The chosen node" });
  const frame = h("div", { class: "frame" });
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  /** @param {string} id */
  const tell = (id) => side.replaceChildren(...flat(panel(/** @type {GraphNode} */ (byId.get(id)), run)));
  const picture = draw(graph, {
    path: run?.path ?? null,
    label,
    chosen: (id) => {
      tell(id);
      chosen?.(/** @type {GraphNode} */ (byId.get(id)));
    },
  });
  frame.append(picture.element);
  const begin = first && byId.has(first) ? first : run ? telling(run.steps) : graph.nodes.find((node) => !node.end)?.id;
  const known = begin !== undefined && begin !== null && byId.has(begin);
  if (known) {
    picture.mark(begin);
    tell(begin);
  }
  queueMicrotask(() => {
    fit(frame, picture.element);
    if (known) picture.bring(frame, begin);
  });
  return h("div", { class: "view" }, h("div", { class: "drawing" }, frame, legend(graph, run)), side);
}

/** @param {Graph} graph @param {import("./types").Ran | null} run */
function legend(graph, run) {
  const waits = Object.values(run?.path?.nodes ?? {}).some((node) => node.state === "waits");
  /** @param {string} kind @param {string} text */
  const one = (kind, text) => h("li", null, h("span", { class: `key ${kind}` }), text);
  return h(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    run ? [one("on", "taken"), one("off", run.earlier || run.path?.resumed ? "not taken in this run" : "not taken")] : null,
    graph.nodes.some((node) => node.locked) ? one("locked", "locked") : null,
    graph.edges.some((edge) => edge.later) ? one("later", "later, by itself") : null,
    waits ? one("later", "in the run that goes on from here") : null,
  );
}
