// Saving: the changes are shown first, and the file is written only when somebody says so.

import { post } from "./api.js";
import { h, refill, trouble } from "./dom.js";

/** @typedef {import("./types").Content} Content */
/** @typedef {import("./types").DiffLine} DiffLine */
/** @typedef {import("./types").Difference} Difference */

/** @param {number} count @param {string} word */
export const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/**
 * A dialog with the difference between the file and this text. `digest` is that of the file the text began
 * with, `edit` whether this server writes files, `saved` hears of the new digest and whether it runs now.
 * @param {{name: string, text: string, digest: string, edit: boolean, saved: (digest: string, running: boolean) => void}} options
 */
export async function review({ name, text, digest, edit, saved }) {
  const close = h("button", { type: "button", click: () => dialog.close() }, "Close");
  const heading = h("h2", { id: "review" }, `Changes of ${name}.yaml`);
  const dialog = h("dialog", { "aria-labelledby": "review" }, heading, h("p", { class: "dim", role: "status" }, "Comparing…"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  /** @type {Difference} */
  let found;
  try {
    found = await post(`playground/${name}/diff`, { text, digest });
  } catch (error) {
    refill(dialog, heading, trouble(error), h("div", { class: "actions" }, close));
    return;
  }
  const may = edit && !found.check.errors && !found.changed_meanwhile && !found.same;
  const write = h("button", { type: "button", class: "primary" }, "Write the file");
  write.addEventListener("click", async () => {
    write.disabled = true;
    try {
      const answer = await post(`playground/${name}/save`, { text, digest });
      saved(answer.digest, answer.running);
      dialog.close();
    } catch (error) {
      write.replaceWith(trouble(error));
      close.focus();
    }
  });
  refill(dialog, heading, found.same ? h("p", null, "The file is the same as your text.") : diff(found.lines), hindrances(found, edit), h("div", { class: "actions" }, may ? write : null, close));
  (may ? write : close).focus();
}

/** @param {Difference} found @param {boolean} edit @returns {Content} */
function hindrances(found, edit) {
  return [
    found.check.errors ? h("p", { class: "error" }, `It cannot be saved: the check finds ${plural(found.check.errors, "error")}, listed under the editor.`) : null,
    found.changed_meanwhile ? h("p", { class: "error" }, "It cannot be saved: the file was changed on disk since this page read it. Copy what you need, then load the page again.") : null,
    edit ? null : h("p", { class: "notice" }, "Saving is off on this server: change the file where your project is kept, or write ", h("code", null, "studio: {edit: true}"), " in project.yaml."),
  ];
}

const SIGNS = { add: "+ ", gone: "− ", same: "  ", part: "" };
const SPOKEN = { add: "added ", gone: "removed ", same: "", part: "" };

/** @param {DiffLine[]} lines */
function diff(lines) {
  /** @param {DiffLine} one */
  const row = (one) => h("tr", { class: one.kind }, h("td", { class: "line" }, one.old), h("td", { class: "line" }, one.new), h("td", null, h("span", { "aria-hidden": "true" }, SIGNS[one.kind]), h("span", { class: "unseen" }, SPOKEN[one.kind]), one.text));
  return h("div", { class: "diff", tabindex: "0", role: "region", "aria-label": "Changes, line by line" }, h("table", null, h("tbody", null, lines.map(row))));
}
