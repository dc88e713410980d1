import { get } from "./api.js";
import { argument, h, page, refill, show } from "./dom.js";
import { follow } from "./live.js";
import { badge, facts, grid, json, time, took } from "./parts.js";
import { replayButton, verdicts } from "./replay.js";

const place = verdicts();
const told = h("div");

async function load() {
  const event = await get(`inbox/${encodeURIComponent(argument())}`);
  refill(
    told,
    h("p", null, badge(event.state)),
    event.reason ? h("p", { class: event.state === "ignored" ? "notice" : "error" }, event.reason) : null,
    facts([
      ["Event", h("code", null, event.id)],
      ["About", event.subject && h("code", null, event.subject)],
      ["Mode", event.livemode ? "live" : "test"],
      ["API version", event.api_version],
      ["Made (UTC)", time(event.created)],
      ["Received (UTC)", time(event.received_at)],
      ["Finished (UTC)", time(event.finished_at)],
      ["Failed tries", event.attempts || null],
      ["Next try (UTC)", event.state === "waiting" ? time(event.next_try_at) : null],
      ["Flow", event.flow && h("a", { href: `/studio/flows/${encodeURIComponent(event.flow)}` }, event.flow)],
    ]),
    h(
      "p",
      { class: "actions" },
      event.state === "done" ? null : replayButton(event.id, place, load),
      event.flow ? h("a", { class: "button", href: `/studio/playground/${encodeURIComponent(event.flow)}?event=${encodeURIComponent(event.id)}` }, "Try in the playground") : null,
    ),
    h("h2", null, "Runs"),
    event.runs.length ? grid("Runs of this event", ["Run", "Outcome", "Flow", "Started (UTC)", "Took", "Error"], event.runs.map(cells)) : h("p", { class: "empty" }, "This event started no run."),
  );
  return event;
}

/** @param {any} run */
const cells = (run) => [
  h("a", { href: `/studio/runs/${run.id}` }, run.id),
  badge(run.outcome),
  run.flow,
  time(run.started_at),
  h("span", { class: "number" }, took(run.duration_us)),
  h("span", { class: "wrap", title: run.error }, run.error ?? ""),
];

page(async () => {
  const event = await load();
  // A done event stays as it is.
  const sign = event.state === "done" ? null : follow(["run"], load);
  show([event.type, " ", sign], place, told, h("h2", null, "The event's JSON"), json(event.body, "The event's JSON"));
});
