// What a dry run came to: the server's answer, rows, calls.

import { h } from "./dom.js";
import { badge } from "./parts.js";
import { plural } from "./review.js";
import { changes } from "./steps.js";

/** @typedef {import("./types").Content} Content */
/** @typedef {import("./types").Tried} Tried */

/** @type {Record<string, string>} */
const SAYS = {
  done: "The server would commit this and answer 200.",
  ignored: "Set aside: the server would answer 200 and touch no row.",
  waiting: "Failed: the server would undo this, answer 500 and try again.",
  dead: "Failed for the last time: the event would rest as a dead letter.",
  duplicate: "Delivered before: the server would answer 200 without a run.",
};

/** Of a moment of a schedule, which nobody waits for an answer to. @type {Record<string, string>} */
const SAYS_OF_TICKS = {
  done: "The server would commit this.",
  waiting: "Failed: the server would undo this and try again.",
};

/** @param {Tried} tried @returns {Content} */
export function verdict(tried) {
  const [own] = tried.events;
  const says = own.type.startsWith("schedule.") ? { ...SAYS, ...SAYS_OF_TICKS } : SAYS;
  const kind = tried.failed ? "error" : own.outcome === "done" ? "notice good" : "notice";
  return [
    h("p", { class: kind }, badge(own.outcome), ` ${says[own.outcome] ?? ""}`, own.reason ? [h("br"), own.reason] : null),
    own.seen_before ? h("p", { class: "notice" }, "The database has this event already; a server would not run it again. This is what it would do.") : null,
    own.early ? h("p", { class: "notice" }, "It came before what it needs. Try it on rows that have that, or name the events before it in a terminal: ", h("code", null, "actionflow dry-run … --after FILE"), ".") : null,
    h("p", { class: "dim" }, `On ${tried.database}; nothing was sent, nothing was written.`),
  ];
}

/** @param {Tried} tried @returns {Content} */
export function left(tried) {
  /** @param {Tried["calls"][0]} one */
  const call = (one) => h("li", null, h("strong", null, one.method), " ", h("code", null, one.url), ` from ${one.node}`);
  return [
    tried.changes.length ? [h("h2", null, `${plural(tried.changes.length, "row")} would change`), changes(tried.changes)] : h("p", null, "No row would change."),
    tried.calls.length ? [h("h2", null, "Calls that would be made after that"), h("ul", null, tried.calls.map(call))] : null,
    tried.events.length > 1 ? h("p", { class: "dim" }, `${plural(tried.events.length - 1, "other event")} would run then, having waited for this.`) : null,
  ];
}
