// Running events of the inbox again, with the verdict shown.

import { post } from "./api.js";
import { badge, h, trouble } from "./dom.js";

/** Where verdicts are told; screen readers hear of them. */
export function verdicts() {
  return h("div", { class: "verdicts", role: "status" });
}

/** A button that runs one event again; `after` is called with the verdict. */
export function replayButton(id, place, after) {
  const button = h("button", { type: "button", class: "small", "aria-label": `Replay ${id}` }, "Replay");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const verdict = await post(`inbox/${encodeURIComponent(id)}/replay`);
      place.replaceChildren(told(verdict));
      after?.(verdict);
    } catch (error) {
      place.replaceChildren(trouble(error));
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** A button that runs all dead letters again, after asking; `after` is called with the answer. */
export function replayAllButton(count, place, after) {
  const dialog = h(
    "dialog",
    { "aria-labelledby": "sure" },
    h("h2", { id: "sure" }, `Replay ${count} dead letter${count === 1 ? "" : "s"}?`),
    h("p", null, "Each is run again from its start, the oldest first. One that fails again waits for its next try."),
    h("form", { method: "dialog", class: "actions" }, h("button", { value: "yes", class: "primary" }, "Replay all"), h("button", { value: "no" }, "Cancel")),
  );
  dialog.addEventListener("close", async () => {
    if (dialog.returnValue !== "yes") return;
    place.replaceChildren(h("p", null, "Replaying…"));
    try {
      const answer = await post("inbox/replay-dead");
      place.replaceChildren(
        h("p", null, `${answer.verdicts.length} replayed${answer.left ? `, ${answer.left} dead letters left` : ""}.`),
        ...answer.verdicts.map(told),
      );
      after?.(answer);
    } catch (error) {
      place.replaceChildren(trouble(error));
    }
  });
  const button = h("button", { type: "button", click: () => dialog.showModal() }, "Replay all dead letters");
  return [button, dialog];
}

function told(verdict) {
  return h(
    "p",
    { class: "verdict", "data-outcome": verdict.outcome },
    badge(verdict.outcome),
    " ",
    h("a", { href: `/studio/inbox/${encodeURIComponent(verdict.event)}` }, verdict.event),
    verdict.reason ? [": ", verdict.reason] : null,
    verdict.run ? [" ", h("a", { href: `/studio/runs/${verdict.run}` }, `See run ${verdict.run}`)] : null,
  );
}
