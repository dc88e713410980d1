import { get } from "./api.js";
import { asked, h, page, refill, show } from "./dom.js";
import { choice, filters, paging } from "./filters.js";
import { follow } from "./live.js";
import { badge, grid, time } from "./parts.js";
import { replayAll, replayButton, verdicts } from "./replay.js";

/** @typedef {import("./types").EventHead} EventHead */

const TABS = [
  ["", "All"],
  ["dead", "Dead letters"],
  ["waiting", "Waiting"],
  ["ignored", "Set aside"],
  ["done", "Done"],
];
const here = asked();
const place = verdicts();
const tabs = h("nav", { class: "tabs", "aria-label": "States" });
const list = h("div");
const again = replayAll(place, load);
/** @type {Set<string> | null} */
let known = null;

async function load() {
  const found = await get("inbox", here);
  refill(tabs, TABS.map(([state, text]) => tab(state, text, found.counts[state])));
  again.tell(found.counts.dead);
  const fresh = found.events.map((/** @type {EventHead} */ one) => (known && !known.has(one.id) ? "fresh" : ""));
  known = new Set(found.events.map((/** @type {EventHead} */ one) => one.id));
  refill(
    list,
    found.events.length
      ? grid("Events, the latest first", ["State", "Again", "Type", "Event", "Received (UTC)", "Tries", "Reason"], found.events.map(cells), fresh)
      : h("p", { class: "empty" }, here.state === "dead" ? "No dead letters: every event was dealt with, or is still being tried." : "No such events."),
    paging(["before_at", "before_id"], found.before),
  );
  return found;
}

/** @param {string} state @param {string} text @param {number | undefined} count */
function tab(state, text, count) {
  const current = (here.state ?? "") === state;
  const href = state ? `?state=${state}` : "/studio/inbox";
  return h("a", { href, "aria-current": current ? "page" : null }, text, count ? h("span", { class: `count ${state}` }, count) : null);
}

/** @param {EventHead} event */
const cells = (event) => [
  badge(event.state),
  event.state === "done" ? "" : replayButton(event.id, place, load),
  h("a", { href: `/studio/inbox/${encodeURIComponent(event.id)}` }, event.type),
  h("code", { class: "clip id", title: event.id }, event.id),
  time(event.received_at),
  h("span", { class: "number" }, event.attempts),
  h("span", { class: "wrap", title: event.reason }, event.state === "waiting" ? ["next try ", time(event.next_try_at), ": "] : null, event.reason ?? ""),
];

page(async () => {
  const found = await load();
  show(
    ["Inbox ", here.before_at ? null : follow(["event", "run"], load)],
    tabs,
    filters("Filter events", [
      here.state ? h("input", { type: "hidden", name: "state", value: here.state }) : null,
      choice("type", "Event type", "every type", found.types, here.type),
      h("button", null, "Filter"),
      again.element,
    ]),
    place,
    list,
  );
});
