// A flow as a picture. State is told by mark and line, not by colour alone.

import { s } from "./dom.js";
import { arrange, texts } from "./layout.js";

/** @typedef {import("./types").Graph} Graph */
/** @typedef {import("./types").GraphNode} GraphNode */
/** @typedef {import("./types").NodeState} NodeState */
/** @typedef {import("./types").Path} Path */
/** @typedef {import("./layout.js").Arrow} Arrow */
/** @typedef {import("./layout.js").Box} Box */
/** @typedef {import("./layout.js").Point} Point */

const MARKS = { ran: "✓", failed: "✕", stopped: "■", waits: "→" };
const WORDS = { ran: "ran", failed: "failed here", stopped: "ended the run", waits: "the run goes on from here in another" };
const SMALLEST = 0.72; // of its size, at which a picture can still be read
let drawn = 0;

/**
 * Draw a graph. With `path` the way a run took stands out; `label` names the picture; `chosen(id)` is called
 * when somebody picks a node. `mark(id)` shows a node as the chosen one, `bring` scrolls it into sight.
 * @param {Graph} graph
 * @param {{path: Path | null, label: string, chosen: (id: string) => void}} options
 */
export function draw(graph, { path, label, chosen }) {
  const { width, height, boxes, arrows } = arrange(graph);
  const name = `graph${++drawn}`;
  const taken = new Set(path?.edges ?? []);
  const on = (/** @type {Arrow} */ arrow) => taken.has(arrow.id);
  const waits = (/** @type {Arrow} */ arrow) => path?.nodes[arrow.from]?.state === "waits";
  for (const arrow of arrows) arrow.later ||= waits(arrow);
  arrows.sort((a, b) => Number(on(a)) - Number(on(b)));
  const shapes = graph.nodes.map((node) => drawNode(node, /** @type {Box} */ (boxes.get(node.id)), path, graph));
  const svg = s(
    "svg",
    {
      class: `graph${path ? " with-path" : ""}`,
      role: "group",
      "aria-label": `${label}. Arrow keys move between nodes.`,
      viewBox: `-2 -2 ${width + 4} ${height + 4}`,
      width: Math.ceil(width + 4),
      height: Math.ceil(height + 4),
    },
    s("defs", null, marker(`${name}-arrow`, "arrow"), marker(`${name}-arrow-on`, "arrow on")),
    arrows.map((arrow) => drawArrow(arrow, name, on(arrow), path !== null)),
    arrows.filter((arrow) => arrow.label).map((arrow) => drawLabel(arrow, on(arrow), path !== null)),
    shapes,
  );
  const buttons = shapes.filter((shape) => shape.hasAttribute("tabindex"));
  const y = (/** @type {SVGElement} */ one) => Number(one.dataset.y);
  const x = (/** @type {SVGElement} */ one) => Number(one.dataset.x);
  buttons.sort((a, b) => y(a) - y(b) || x(a) - x(b));
  buttons[0]?.setAttribute("tabindex", "0");

  /** @param {string} id */
  function mark(id) {
    for (const one of buttons) {
      const same = one.dataset.id === id;
      one.setAttribute("aria-pressed", String(same));
      one.setAttribute("tabindex", same ? "0" : "-1");
    }
  }
  for (const one of buttons) {
    one.addEventListener("click", () => {
      const id = one.dataset.id ?? "";
      mark(id);
      chosen(id);
    });
  }
  svg.addEventListener("keydown", (event) => move(event, buttons));

  /** @param {HTMLElement} frame @param {string} id */
  function bring(frame, id) {
    const box = /** @type {Box} */ (boxes.get(id));
    const scale = Number(svg.getAttribute("width")) / (width + 4);
    frame.scrollTo(box.x * scale - frame.clientWidth / 2, box.y * scale - frame.clientHeight / 2);
  }

  return { element: svg, mark, bring };
}

/**
 * Make a picture as wide as its frame lets it be, but never so small that it cannot be read.
 * @param {HTMLElement} frame
 * @param {SVGElement} svg
 */
export function fit(frame, svg) {
  const [, , width, height] = (svg.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const set = () => {
    const room = frame.clientWidth - 24;
    const scale = Math.max(Math.min(room / width, 1), SMALLEST);
    svg.setAttribute("width", String(Math.floor(width * scale)));
    svg.setAttribute("height", String(Math.floor(height * scale)));
  };
  new ResizeObserver(set).observe(frame);
  set();
}

/** @param {string} id @param {string} kind */
function marker(id, kind) {
  const shape = s("path", { d: "M0 0 8 4 0 8z", class: kind });
  return s("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" }, shape);
}

/** @param {Arrow} arrow @param {string} name @param {boolean} on @param {boolean} ran */
function drawArrow(arrow, name, on, ran) {
  const kind = ["edge", on ? "on" : "", arrow.later ? "later" : "", ran && !on ? "off" : ""].filter(Boolean).join(" ");
  const end = on ? `${name}-arrow-on` : `${name}-arrow`;
  return s("path", { class: kind, d: curve(arrow.points), "marker-end": `url(#${end})`, "data-edge": arrow.id });
}

/**
 * A smooth line through the points that dagre gives.
 * @param {Point[]} points
 */
function curve(points) {
  const [first, ...rest] = points;
  let d = `M${round(first.x)} ${round(first.y)}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const end = i === rest.length - 2 ? rest[i + 1] : middle(rest[i], rest[i + 1]);
    d += ` Q${round(rest[i].x)} ${round(rest[i].y)} ${round(end.x)} ${round(end.y)}`;
  }
  if (rest.length === 1) d += ` L${round(rest[0].x)} ${round(rest[0].y)}`;
  return d;
}

/** @param {Point} a @param {Point} b */
const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
/** @param {number} number */
const round = (number) => Math.round(number * 10) / 10;

/** @param {Arrow} arrow @param {boolean} on @param {boolean} ran */
function drawLabel(arrow, on, ran) {
  return s(
    "g",
    { class: `label ${on ? "on" : ran ? "off" : ""}`, transform: `translate(${round(arrow.x)} ${round(arrow.y)})` },
    s("rect", { x: -arrow.width / 2, y: -10, width: arrow.width, height: 20, rx: 6 }),
    s("text", { y: 4, "text-anchor": "middle" }, arrow.label),
  );
}

/** @param {GraphNode} node @param {Box} box @param {Path | null} path @param {Graph} graph */
function drawNode(node, box, path, graph) {
  const seen = path?.nodes[node.id];
  const touched = node.end && path && graph.edges.some((one) => path.edges.includes(one.id) && (one.from === node.id || one.to === node.id));
  const state = seen?.state ?? (touched ? "ran" : null);
  const [first, second] = texts(node);
  const kind = ["node", node.end ? "end" : "", node.locked ? "locked" : "", state ?? (path ? "off" : ""), node.type === "branch" ? "branch" : "", node.later ? "later" : ""];
  const textX = node.locked ? 10 : 0;
  const button = node.end ? {} : { role: "button", tabindex: "-1", "aria-pressed": "false", "aria-label": spoken(node, graph, path) };
  return s(
    "g",
    { class: kind.filter(Boolean).join(" "), transform: `translate(${round(box.x)} ${round(box.y)})`, "data-id": node.id, "data-x": round(box.x), "data-y": round(box.y), ...button },
    outline(node, box),
    node.locked ? lock(-box.width / 2 + 14, second ? -8 : 0) : null,
    s("text", { class: "name", y: second ? -3 : 5, x: textX, "text-anchor": "middle" }, first),
    second ? [" ", s("text", { class: "kind", y: 14, x: textX, "text-anchor": "middle" }, second), " "] : null,
    state && !node.end ? sign(state, box.width / 2, -box.height / 2, seen?.times ?? 1) : null,
  );
}

/** @param {GraphNode} node @param {Box} box */
function outline(node, box) {
  const [w, t] = [box.width / 2, box.height / 2];
  if (node.type === "branch") {
    return s("path", { class: "box", d: `M${-w} 0 ${-w + 14} ${-t} ${w - 14} ${-t} ${w} 0 ${w - 14} ${t} ${-w + 14} ${t}z` });
  }
  return s("rect", { class: "box", x: -w, y: -t, width: box.width, height: box.height, rx: node.end ? t : 8 });
}

/** @param {number} x @param {number} y */
function lock(x, y) {
  return s(
    "g",
    { class: "lock", transform: `translate(${x} ${y})`, "aria-hidden": "true" },
    s("rect", { x: -5, y: -1, width: 10, height: 8, rx: 1.5 }),
    s("path", { d: "M-3 -1v-2a3 3 0 0 1 6 0v2" }),
  );
}

/** @param {NodeState} state @param {number} x @param {number} y @param {number} times */
function sign(state, x, y, times) {
  const text = times > 1 ? `${MARKS[state]} ${times}×` : MARKS[state];
  const wide = times > 1 ? 18 + String(times).length * 7 + 8 : 18;
  return s(
    "g",
    { class: `mark ${state}`, transform: `translate(${x - 4} ${y})`, "aria-hidden": "true" },
    s("rect", { x: -wide / 2, y: -9, width: wide, height: 18, rx: 9 }),
    s("text", { y: 4, "text-anchor": "middle" }, text),
  );
}

/**
 * What a screen reader says of a node: what is written on it, then what is drawn.
 * @param {GraphNode} node
 * @param {Graph} graph
 * @param {Path | null} path
 */
function spoken(node, graph, path) {
  const words = [texts(node).join(" ")];
  if (node.locked) words.push("locked");
  const seen = path?.nodes[node.id];
  if (path) words.push(seen ? WORDS[seen.state] + (seen.times > 1 ? ` ${seen.times}×` : "") : "not run");
  const next = graph.edges.filter((edge) => edge.from === node.id);
  const told = next.map((edge) => `${edge.to.replace("·", "")}${edge.label ? ` (${edge.label})` : ""}`);
  if (told.length) words.push(`leads to ${told.join(", ")}`);
  return words.join(", ");
}

/** @param {KeyboardEvent} event @param {SVGElement[]} buttons */
function move(event, buttons) {
  const at = buttons.findIndex((one) => one === document.activeElement);
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    buttons[at].dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return;
  }
  /** @type {Record<string, number>} */
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -at, End: buttons.length - 1 - at };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const target = buttons[Math.min(Math.max(at + steps[event.key], 0), buttons.length - 1)];
  for (const one of buttons) one.setAttribute("tabindex", one === target ? "0" : "-1");
  target.focus();
}
