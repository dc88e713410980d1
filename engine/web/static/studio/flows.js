import { get } from "./api.js";
import { h, page, show } from "./dom.js";

/** @param {any} flow */
const card = (flow) => h("li", null, h("a", { href: `/studio/flows/${flow.name}` }, flow.name), h("p", null, flow.title), h("p", { class: "dim" }, `${flow.trigger} · ${flow.nodes} nodes`));

page(async () => {
  const { flows } = await get("flows");
  show("Flows", h("ul", { class: "cards" }, flows.map(card)));
});
