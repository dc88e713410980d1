// Running events of the inbox again, with the verdict shown.

import { post } from "./api.js";
import { h, refill, trouble } from "./dom.js";
import { badge } from "./parts.js";

/** Where verdicts are told; screen readers hear of them. */
export function verdicts() {
  return h("div", { class: "verdicts", role: "status" });
}

/**
 * A button that runs one event again, then calls `after`.
 * @param {string} id
 * @param {HTMLElement} place
 * @param {() => Promise<unknown>} after
 */
export function replayButton(id, place, after) {
  const button = h("button", { type: "button", class: "small", "aria-label": `Replay ${id}` }, "Replay");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      refill(place, told(await post(`inbox/${encodeURIComponent(id)}/replay`)));
      await after();
    } catch (error) {
      refill(place, trouble(error));
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/**
 * A button that runs all dead letters again, after asking; then it calls `after`. `tell(count)` says how
 * many there are.
 * @param {HTMLElement} place
 * @param {() => Promise<unknown>} after
 */
export function replayAll(place, after) {
  const heading = h("h2", { id: "sure" });
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    { "aria-labelledby": "sure" },
    heading,
    h("p", null, "Each is run again from its start, the oldest first. One that fails again waits for its next try."),
    h("div", { class: "actions" }, h("button", { type: "button", class: "primary", click: () => dialog.close("yes") }, "Replay all"), h("button", { type: "button", click: () => dialog.close("no") }, "Cancel")),
  );
  dialog.addEventListener("close", async () => {
    const answer = dialog.returnValue;
    dialog.returnValue = ""; // Escape leaves it as it was
    if (answer !== "yes") return;
    refill(place, h("p", null, "Replaying…"));
    try {
      const { verdicts: found, left } = await post("inbox/replay-dead");
      refill(place, h("p", null, `${found.length} replayed${left ? `, ${left} dead letters left` : ""}.`), found.map(told));
      await after();
    } catch (error) {
      refill(place, trouble(error));
    }
  });
  const button = h("button", { type: "button", click: () => dialog.showModal() }, "Replay all dead letters");
  const element = h("span", { class: "push" }, button, dialog);
  return {
    element,
    /** @param {number} count */
    tell(count) {
      element.hidden = !count;
      heading.textContent = `Replay ${count} dead letter${count === 1 ? "" : "s"}?`;
    },
  };
}

/** @param {import("./types").Verdict} verdict */
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
