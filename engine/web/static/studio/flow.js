import { get } from "./api.js";
import { argument, facts, h, page, show } from "./dom.js";
import { graphView } from "./view.js";

page(async () => {
  const flow = await get(`flows/${argument()}`);
  const view = graphView(flow.graph, `The flow ${flow.name}`);
  show(
    flow.name,
    flow.title ? h("p", { class: "lead" }, flow.title) : null,
    facts([
      ["Started by", flow.trigger],
      ["Version", h("code", null, flow.version)],
      ["Runs", h("a", { href: `/studio/runs?flow=${flow.name}` }, "see its runs")],
    ]),
    h("p", { class: "actions" }, h("a", { class: "button", href: `/studio/playground/${flow.name}` }, "Open in the playground")),
    view.element,
    h("details", null, h("summary", null, "YAML that is running now"), h("div", { class: "json" }, h("pre", { tabindex: "0", role: "region", "aria-label": "The flow's YAML" }, flow.source))),
  );
});
