import { get } from "./api.js";
import { badge, choice, filters, grid, h, page, paging, show, time } from "./dom.js";
import { replayAllButton, replayButton, verdicts } from "./replay.js";

const TABS = [
  ["", "All"],
  ["dead", "Dead letters"],
  ["waiting", "Waiting"],
  ["ignored", "Set aside"],
  ["done", "Done"],
];
const place = verdicts();

async function load() {
  const here = Object.fromEntries(new URLSearchParams(location.search));
  const found = await get("inbox", here);
  const tabs = TABS.map(([state, text]) => {
    const count = found.counts[state];
    const current = (here.state ?? "") === state;
    const href = state ? `?state=${state}` : "/studio/inbox";
    return h("a", { href, "aria-current": current ? "page" : null }, text, count ? h("span", { class: `count ${state}` }, count) : null);
  });
  const rows = found.events.map((event) => [
    badge(event.state),
    event.state === "done" ? "" : replayButton(event.id, place, load),
    h("a", { href: `/studio/inbox/${encodeURIComponent(event.id)}` }, event.type),
    h("code", { class: "clip id", title: event.id }, event.id),
    time(event.received_at),
    h("span", { class: "number" }, `${event.attempts}`),
    h("span", { class: "wrap", title: event.reason }, event.state === "waiting" ? ["next try ", time(event.next_try_at), ": "] : null, event.reason ?? ""),
  ]);
  show(
    "Inbox",
    h("nav", { class: "tabs", "aria-label": "States" }, tabs),
    filters("Filter events", [
      here.state ? h("input", { type: "hidden", name: "state", value: here.state }) : null,
      choice("type", "Event type", "every type", found.types, here.type),
      h("button", null, "Filter"),
      found.counts.dead ? h("span", { class: "push" }, replayAllButton(found.counts.dead, place, load)) : null,
    ]),
    place,
    rows.length
      ? grid("Events, the latest first", ["State", "Again", "Type", "Event", "Received (UTC)", "Tries", "Reason"], rows)
      : h("p", { class: "empty" }, here.state === "dead" ? "No dead letters: every event was dealt with, or is still being tried." : "No such events."),
    paging(["before_at", "before_id"], found.before),
  );
}

page(load);
