import { get } from "./api.js";
import { argument, badge, facts, grid, h, json, page, show, time, took } from "./dom.js";
import { replayButton, verdicts } from "./replay.js";

const place = verdicts();

async function load() {
  const event = await get(`inbox/${encodeURIComponent(argument())}`);
  show(
    [event.type, " ", badge(event.state)],
    event.reason ? h("p", { class: event.state === "ignored" ? "notice" : "error" }, event.reason) : null,
    place,
    facts([
      ["Event", h("code", null, event.id)],
      ["About", event.subject && h("code", null, event.subject)],
      ["Mode", event.livemode ? "live" : "test"],
      ["API version", event.api_version],
      ["Made (UTC)", time(event.created)],
      ["Received (UTC)", time(event.received_at)],
      ["Finished (UTC)", time(event.finished_at)],
      ["Failed tries", event.attempts ? `${event.attempts}` : null],
      ["Next try (UTC)", event.state === "waiting" ? time(event.next_try_at) : null],
      ["Flow", event.flow && h("a", { href: `/studio/flows/${event.flow}` }, event.flow)],
    ]),
    h(
      "p",
      { class: "actions" },
      event.state === "done" ? null : replayButton(event.id, place, load),
      event.flow ? h("a", { class: "button", href: `/studio/playground/${event.flow}?event=${encodeURIComponent(event.id)}` }, "Try in the playground") : null,
    ),
    h("h2", null, "Runs"),
    event.runs.length
      ? grid("Runs of this event", ["Run", "Outcome", "Flow", "Started (UTC)", "Took", "Error"], event.runs.map((run) => [h("a", { href: `/studio/runs/${run.id}` }, `${run.id}`), badge(run.outcome), run.flow, time(run.started_at), h("span", { class: "number" }, took(run.duration_us)), run.error ?? ""]))
      : h("p", { class: "empty" }, "This event started no run."),
    h("h2", null, "The event's JSON"),
    json(event.body, "The event's JSON"),
  );
}

page(load);
