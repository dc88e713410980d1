import { get } from "./api.js";
import { argument, h, page, show } from "./dom.js";
import { block, facts } from "./parts.js";
import { graphView } from "./view.js";

page(async () => {
  const flow = await get(`flows/${encodeURIComponent(argument())}`);
  show(
    flow.name,
    flow.title ? h("p", { class: "lead" }, flow.title) : null,
    facts([
      ["Started by", flow.trigger],
      ["Version", h("code", null, flow.version)],
      ["Runs", h("a", { href: `/studio/runs?flow=${flow.name}` }, "see its runs")],
    ]),
    h("p", { class: "actions" }, h("a", { class: "button", href: `/studio/playground/${flow.name}` }, "Open in the playground")),
    graphView(flow.graph, `The flow ${flow.name}`),
    h("details", null, h("summary", null, "YAML that is running now"), block(flow.source, "The flow's YAML")),
  );
});
