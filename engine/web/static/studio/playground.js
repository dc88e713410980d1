import { get, post } from "./api.js";
import { argument, badge, h, page, show, trouble } from "./dom.js";
import { changes } from "./steps.js";
import { graphView } from "./view.js";

const QUIET_FOR = 250; // milliseconds without a keystroke before the text is checked

page(() => (argument() ? open(argument()) : choose()));

async function choose() {
  const { flows } = await get("flows");
  const cards = flows.map((flow) => h("li", null, h("a", { href: `/studio/playground/${flow.name}` }, flow.name), h("p", null, flow.title), h("p", { class: "dim" }, flow.trigger)));
  show(
    "Playground",
    h("p", { class: "lead" }, "Edit a flow beside its graph, see its mistakes as you type, and try it on a recorded event. Nothing is written until you save."),
    h("ul", { class: "cards" }, cards),
  );
}

async function open(name) {
  const [found, words, { flows }, { editor }, { completion }] = await Promise.all([
    get(`playground/${name}`),
    get("words"),
    get("flows"),
    import("./editor.js"),
    import("./complete.js"),
  ]);
  const state = { saved: found.text, digest: found.digest, ran: false, asked: 0, timer: 0 };

  const flow = h("select", null, flows.map((one) => h("option", { value: one.name, selected: one.name === name }, one.name)));
  flow.addEventListener("change", () => location.assign(`/studio/playground/${flow.value}`));
  const event = eventChoice(found.events, new URLSearchParams(location.search).get("event"));
  const usable = event.options.length > 0;
  const rows = h("select", null, h("option", { value: "copy" }, "a copy of the database"), h("option", { value: "seed" }, "seed.yaml"));
  const tryIt = h("button", { type: "button", class: "primary", click: dryRun }, "Dry run");
  const review = h("button", { type: "button", click: reviewChanges }, "Review and save…");
  const status = h("span", { role: "status", class: "state" });
  const unsaved = h("span", { class: "unsaved" });
  const findings = h("ul", { class: "findings", "aria-label": "What the check found" });
  const host = h("div", { class: "editor-host" });
  const result = h("div", { class: "result", role: "status" });
  const graph = h("section", { "aria-label": "Graph" });
  const outcome = h("section", { class: "outcome", "aria-label": "What the dry run would leave behind" });

  show(
    [h("span", { class: "dim" }, "Playground "), name],
    h(
      "div",
      { class: "toolbar" },
      h("label", null, h("span", null, "Flow"), flow),
      usable ? h("label", null, h("span", null, "Event"), event) : null,
      usable ? h("label", null, h("span", null, "On the rows of"), rows) : null,
      usable ? tryIt : h("p", { class: "dim" }, "No event starts this flow: it is checked and drawn here, but not run."),
      h("span", { class: "push" }, review),
    ),
    h(
      "div",
      { class: "playground" },
      h("section", { class: "editor", "aria-label": "Editor" }, host, h("div", { class: "status" }, status, unsaved, h("span", { class: "push" }, "Ctrl-Space completes · Ctrl-Enter runs · Ctrl-S saves")), findings),
      h("div", null, result, graph, outcome),
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
    if (area.text() !== state.saved) leaving.preventDefault();
  });

  function onChange(text) {
    unsaved.textContent = text === state.saved ? "" : "● not saved";
    status.textContent = "Checking…";
    clearTimeout(state.timer);
    state.timer = setTimeout(check, QUIET_FOR);
  }

  async function check() {
    const turn = ++state.asked;
    try {
      const answer = await post(`playground/${name}/check`, { text: area.text() });
      if (turn !== state.asked) return; // a later text was sent meanwhile
      if (state.ran) {
        state.ran = false;
        result.replaceChildren(h("p", { class: "dim" }, "The text has changed since the dry run."));
        outcome.replaceChildren();
      }
      checked(answer);
    } catch (error) {
      if (turn === state.asked) status.textContent = error.message;
    }
  }

  function checked(answer) {
    const warnings = answer.problems.length - answer.errors;
    const counts = [answer.errors ? plural(answer.errors, "error") : "", warnings ? plural(warnings, "warning") : ""];
    status.textContent = counts.filter(Boolean).join(", ") || "✓ No mistakes found";
    area.mark(answer.problems.filter((one) => one.here));
    findings.replaceChildren(...answer.problems.map(finding));
    graph.classList.toggle("stale", !answer.graph);
    if (answer.graph) picture(answer.graph, null);
  }

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

  function picture(shape, run) {
    const label = run ? `The path through ${name}` : `The flow ${name}`;
    graph.replaceChildren(graphView(shape, label, { run, chosen: (node) => area.reveal(node.line) }).element);
  }

  async function dryRun() {
    if (!usable || tryIt.disabled) return;
    const [source, id] = split(event.value);
    tryIt.disabled = true;
    result.replaceChildren(h("p", { class: "dim" }, "Running…"));
    outcome.replaceChildren();
    const text = area.text();
    try {
      const answer = await post(`playground/${name}/dry-run`, { text, source, event: id, rows: rows.value });
      const own = answer.events[0];
      state.ran = true;
      result.replaceChildren(...verdict(answer, own), text === area.text() ? "" : h("p", { class: "dim" }, "The text has changed since the dry run."));
      outcome.replaceChildren(...left(answer));
      if (own.graph) picture(own.graph, { steps: own.steps, path: own.path, undone: answer.failed });
    } catch (error) {
      const mistakes = error.code === "has_mistakes";
      result.replaceChildren(mistakes ? h("p", { class: "error", role: "alert" }, "The flow has mistakes, listed under the editor. Mend them, then run it.") : trouble(error));
    } finally {
      tryIt.disabled = false;
    }
  }

  async function reviewChanges() {
    const close = h("button", { type: "button", click: () => dialog.close() }, "Close");
    const heading = h("h2", { id: "review" }, `Changes of ${name}.yaml`);
    const dialog = h("dialog", { "aria-labelledby": "review" }, heading, h("p", { class: "dim", role: "status" }, "Comparing…"));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    try {
      const text = area.text();
      const answer = await post(`playground/${name}/diff`, { text, digest: state.digest });
      const write = h("button", { type: "button", class: "primary", click: () => save(dialog, text, write) }, "Write the file");
      const may = found.edit && !answer.check.errors && !answer.changed_meanwhile && !answer.same;
      const said = [
        heading,
        answer.same ? h("p", null, "The file is the same as your text.") : diff(answer.lines),
        answer.check.errors ? h("p", { class: "error" }, `It cannot be saved: the check finds ${plural(answer.check.errors, "error")}, listed under the editor.`) : null,
        answer.changed_meanwhile ? h("p", { class: "error" }, "The file was changed on disk since this page read it. Copy what you need, then load the page again.") : null,
        found.edit ? null : h("p", { class: "notice" }, "Saving is off on this server: change the file where your project is kept, or write ", h("code", null, "studio: {edit: true}"), " in project.yaml."),
        h("div", { class: "actions" }, may ? write : null, close),
      ];
      dialog.replaceChildren(...said.filter(Boolean));
      (may ? write : close).focus();
    } catch (error) {
      dialog.replaceChildren(heading, trouble(error), h("div", { class: "actions" }, close));
    }
  }

  async function save(dialog, text, button) {
    button.disabled = true;
    try {
      const answer = await post(`playground/${name}/save`, { text, digest: state.digest });
      state.digest = answer.digest;
      state.saved = text;
      unsaved.textContent = area.text() === text ? "" : "● not saved";
      dialog.close();
      const running = "Saved. The server runs this version from the next event on.";
      const waiting = "Saved. The tables of project.yaml have changed too: restart the server to run this version.";
      result.replaceChildren(h("p", { class: "notice good" }, answer.running ? running : waiting));
    } catch (error) {
      button.replaceWith(trouble(error));
    }
  }
}

function eventChoice({ recorded, received }, wanted) {
  const group = (label, options) => (options.length ? h("optgroup", { label }, options) : null);
  const files = recorded.map((one) => h("option", { value: `file ${one.name}` }, one.name));
  const inbox = received.map((one) => h("option", { value: `inbox ${one.id}`, selected: one.id === wanted }, `${one.type} · ${one.id} · ${one.state}`));
  return h("select", null, group("Recorded in events/", files), group("From the inbox", inbox));
}

const split = (value) => [value.slice(0, value.indexOf(" ")), value.slice(value.indexOf(" ") + 1)];
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

const SAYS = {
  done: "The server would commit this and answer 200.",
  ignored: "Set aside: the server would answer 200 and touch no row.",
  waiting: "Failed: the server would undo this, answer 500 and try again.",
  dead: "Failed for the last time: the event would rest as a dead letter.",
  duplicate: "Delivered before: the server would answer 200 without a run.",
};

function verdict(answer, own) {
  const kind = answer.failed ? "error" : own.outcome === "done" ? "notice good" : "notice";
  return [
    h("p", { class: kind }, badge(own.outcome), ` ${SAYS[own.outcome]}`, own.reason ? [h("br"), own.reason] : null),
    own.seen_before ? h("p", { class: "notice" }, "The database has this event already; a server would not run it again. This is what it would do.") : null,
    h("p", { class: "dim" }, `On ${answer.database}; nothing was sent, nothing was written.`),
  ].filter(Boolean);
}

function left(answer) {
  const call = (one) => h("li", null, h("strong", null, one.method), " ", h("code", null, one.url), ` from ${one.node}`);
  return [
    answer.changes.length ? [h("h2", null, `${plural(answer.changes.length, "row")} would change`), changes(answer.changes)] : h("p", null, "No row would change."),
    answer.calls.length ? [h("h2", null, "Calls that would be made after that"), h("ul", null, answer.calls.map(call))] : null,
    answer.events.length > 1 ? h("p", { class: "dim" }, `${plural(answer.events.length - 1, "other event")} would run then, having waited for this.`) : null,
  ].flat().filter(Boolean);
}

function diff(lines) {
  const sign = { add: "+ ", gone: "− ", same: "  ", part: "" };
  const row = (one) => h("tr", { class: one.kind }, h("td", { class: "line" }, one.old ?? ""), h("td", { class: "line" }, one.new ?? ""), h("td", null, sign[one.kind] + one.text));
  return h("div", { class: "diff", tabindex: "0", role: "region", "aria-label": "Changes, line by line" }, h("table", null, h("tbody", null, lines.map(row))));
}
