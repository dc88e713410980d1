import { Refused, get, post } from "./api.js";
import { argument, asked, h, page, refill, show, trouble } from "./dom.js";
import { plural, review } from "./review.js";
import { left, verdict } from "./tried.js";
import { graphView } from "./view.js";

/** @typedef {import("./types").Checked} Checked */
/** @typedef {import("./types").Problem} Problem */

const QUIET_FOR = 250; // milliseconds without a keystroke before the text is checked

page(() => (argument() ? open(argument()) : choose()));

async function choose() {
  const { flows } = await get("flows");
  /** @param {any} flow */
  const card = (flow) => h("li", null, h("a", { href: `/studio/playground/${flow.name}` }, flow.name), h("p", null, flow.title), h("p", { class: "dim" }, flow.trigger));
  show(
    "Playground",
    h("p", { class: "lead" }, "Edit a flow beside its graph, see its mistakes as you type, and try it on a recorded event. Nothing is written until you save."),
    h("ul", { class: "cards" }, flows.map(card)),
  );
}

/** @param {string} name */
async function open(name) {
  const [found, words, { flows }, { editor }, { completion }] = await Promise.all([
    get(`playground/${encodeURIComponent(name)}`, { event: asked().event }),
    get("words"),
    get("flows"),
    import("./editor.js"),
    import("./complete.js"),
  ]);
  let saved = found.text;
  let digest = found.digest;
  let timer = 0;
  let turn = 0;
  let chosen = /** @type {string | null} */ (null);
  let shown = /** @type {{text: string, tried: import("./types").Tried} | null} */ (null);

  const flow = h("select", null, flows.map((/** @type {any} */ one) => h("option", { value: one.name, selected: one.name === name }, one.name)));
  flow.addEventListener("change", () => location.assign(`/studio/playground/${flow.value}`));
  const event = eventChoice(found.events, asked().event);
  const usable = event.options.length > 0;
  const rows = h("select", null, h("option", { value: "copy" }, "a copy of the database"), h("option", { value: "seed" }, "seed.yaml"));
  const tryIt = h("button", { type: "button", class: "primary", click: dryRun }, "Dry run");
  const save = h("button", { type: "button", click: reviewChanges }, "Review and save…");
  const status = h("span", { role: "status", class: "state" });
  const unsaved = h("span", { class: "unsaved" });
  const findings = h("ul", { class: "findings", "aria-label": "What the check found" });
  const host = h("div", { class: "editor-host" });
  const result = h("div", { class: "result", role: "status" });
  const old = h("p", { class: "notice", hidden: true }, "The text can not be read as a flow just now; this is the graph of the last one that could.");
  const graph = h("section", { "aria-label": "Graph" });
  const outcome = h("section", { class: "outcome", "aria-label": "What the dry run would leave behind" });

  show(
    [h("span", { class: "dim" }, "Playground "), name],
    h(
      "div",
      { class: "toolbar" },
      h("label", null, h("span", null, "Flow"), flow),
      usable ? [h("label", null, h("span", null, "Event"), event), h("label", null, h("span", null, "On the rows of"), rows), tryIt] : h("p", { class: "dim" }, "No event starts this flow: it is checked and drawn here, but not run."),
      h("span", { class: "push" }, save),
    ),
    h(
      "div",
      { class: "playground" },
      h("section", { class: "editor", "aria-label": "Editor" }, host, h("div", { class: "status" }, status, unsaved, h("span", { class: "push keys" }, "Ctrl-Space completes · Ctrl-Enter runs · Ctrl-S saves")), findings),
      h("div", null, result, old, graph, outcome),
    ),
  );
  const area = editor(host, {
    text: found.text,
    label: `YAML of ${name}`,
    complete: completion(words),
    changed: onChange,
    keys: [
      { key: "Mod-Enter", run: () => (dryRun(), true) },
      { key: "Mod-s", preventDefault: true, run: () => (reviewChanges(), true) },
    ],
  });
  checked(found.check);
  addEventListener("beforeunload", (leaving) => {
    if (area.text() !== saved) leaving.preventDefault();
  });

  /** @param {string} text */
  function onChange(text) {
    unsaved.textContent = text === saved ? "" : "● not saved";
    status.textContent = "Checking…";
    clearTimeout(timer);
    timer = setTimeout(check, QUIET_FOR);
  }

  async function check() {
    const mine = ++turn;
    try {
      const answer = await post(`playground/${name}/check`, { text: area.text() });
      if (mine !== turn) return; // a later text was sent meanwhile
      if (shown && shown.text !== area.text()) {
        shown = null;
        refill(result, h("p", { class: "dim" }, "The text has changed since the dry run."));
        refill(outcome);
      }
      checked(answer);
    } catch (error) {
      if (mine === turn) status.textContent = error instanceof Error ? error.message : "";
    }
  }

  /** @param {Checked} answer */
  function checked(answer) {
    const warnings = answer.problems.length - answer.errors;
    const counts = [answer.errors ? plural(answer.errors, "error") : "", warnings ? plural(warnings, "warning") : ""];
    status.textContent = counts.filter(Boolean).join(", ") || "✓ No mistakes found";
    area.mark(answer.problems.filter((one) => one.here));
    refill(findings, answer.problems.map(finding));
    graph.classList.toggle("stale", !answer.graph);
    old.hidden = answer.graph !== null;
    if (answer.graph && !shown) picture(answer.graph, null);
  }

  /** @param {Problem} one */
  function finding(one) {
    const told = [
      h("span", { class: "severity" }, one.severity),
      ` ${one.here ? "line" : one.place.file} ${one.place.line}: ${one.message} `,
      h("code", null, one.code),
      h("span", { class: "mend" }, one.mend),
    ];
    const line = one.here ? h("button", { type: "button", click: () => area.go(one.place.line, one.place.column) }, told) : h("p", { class: "elsewhere" }, told);
    return h("li", { class: one.severity === "warning" ? "mild" : "grave" }, line);
  }

  /** @param {import("./types").Graph} shape @param {import("./types").Ran | null} run */
  function picture(shape, run) {
    const label = run ? `The path through ${name}` : `The flow ${name}`;
    /** @param {import("./types").GraphNode} node */
    const pick = (node) => {
      chosen = node.id;
      area.reveal(node.line ?? 1);
    };
    refill(graph, graphView(shape, label, { run, chosen: pick, first: run ? null : chosen }));
  }

  async function dryRun() {
    if (!usable || tryIt.disabled) return;
    const at = event.value.indexOf(" ");
    tryIt.disabled = true;
    refill(result, h("p", { class: "dim" }, "Running…"));
    refill(outcome);
    const text = area.text();
    try {
      const tried = await post(`playground/${name}/dry-run`, { text, source: event.value.slice(0, at), event: event.value.slice(at + 1), rows: rows.value });
      const [own] = tried.events;
      shown = { text, tried };
      refill(result, verdict(tried), text === area.text() ? null : h("p", { class: "dim" }, "The text has changed since the dry run."));
      refill(outcome, left(tried));
      if (own.graph) picture(own.graph, { steps: own.steps, path: own.path, undone: tried.failed });
    } catch (error) {
      const mistakes = error instanceof Refused && error.code === "has_mistakes";
      refill(result, mistakes ? h("p", { class: "error", role: "alert" }, "The flow has mistakes, listed under the editor. Mend them, then run it.") : trouble(error));
    } finally {
      tryIt.disabled = false;
    }
  }

  function reviewChanges() {
    const text = area.text();
    review({
      name,
      text,
      digest,
      edit: found.edit,
      saved: (written, running) => {
        digest = written;
        saved = text;
        unsaved.textContent = area.text() === text ? "" : "● not saved";
        const words = running ? "Saved. The server runs this version from the next event on." : "Saved. The tables of project.yaml have changed too: restart the server to run this version.";
        refill(result, h("p", { class: "notice good" }, words));
      },
    });
  }
}

/**
 * The events a dry run can be made on.
 * @param {{recorded: {name: string}[], received: {id: string, type: string, state: string}[], scheduled: boolean}} events
 * @param {string | undefined} wanted
 */
function eventChoice({ recorded, received, scheduled }, wanted) {
  /** @param {string} label @param {HTMLElement[]} options */
  const group = (label, options) => (options.length ? h("optgroup", { label }, options) : null);
  const files = recorded.map((one) => h("option", { value: `file ${one.name}` }, one.name));
  const inbox = received.map((one) => h("option", { value: `inbox ${one.id}`, selected: one.id === wanted }, `${one.type} · ${one.id} · ${one.state}`));
  const due = scheduled ? [h("option", { value: "schedule next" }, "the next moment")] : [];
  return h("select", null, group("Its schedule", due), group("Recorded in events/", files), group("From the inbox", inbox));
}
