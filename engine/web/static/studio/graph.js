// A flow as a picture: dagre says where, this file draws. State is told by mark and line, not by colour alone.

import { Graph, layout } from "./vendor/dagre.js";
import { s } from "./dom.js";

const LONGEST = 34;
const LINE = 17;
const MARKS = { ran: "✓", failed: "✕", stopped: "■" };
const WORDS = { ran: "ran", failed: "failed here", stopped: "ended the run" };
const ruler = document.createElement("canvas").getContext("2d");
const family = getComputedStyle(document.body).fontFamily;
let drawn = 0;

/**
 * Draw `graph` (nodes, edges). With `path` (nodes, edges) the way a run took stands out.
 * `label` names the picture; `chosen(id)` is called when somebody picks a node.
 * Gives {element, choose(id)}.
 */
export function draw(graph, { path = null, label, chosen = null } = {}) {
  const placed = arrange(graph);
  const name = `graph${++drawn}`;
  const taken = new Set(path?.edges ?? []);
  const { width, height } = placed.graph();
  const edges = placed.edges().map((one) => ({ ...placed.edge(one), on: taken.has(placed.edge(one).id) }));
  edges.sort((a, b) => a.on - b.on);
  const arrows = edges.map((edge) => drawEdge(edge, name, path));
  const labels = edges.filter((edge) => edge.label).map((edge) => drawLabel(edge, path));
  const boxes = graph.nodes.map((node) => drawNode(node, placed.node(node.id), { path, graph, choose, clickable: chosen !== null }));
  const svg = s(
    "svg",
    {
      class: `graph${path ? " with-path" : ""}`,
      role: "group",
      "aria-label": chosen ? `${label}. Arrow keys move between nodes.` : label,
      viewBox: `-2 -2 ${width + 4} ${height + 4}`,
      width: Math.ceil(width + 4),
      height: Math.ceil(height + 4),
    },
    s("defs", null, marker(`${name}-arrow`, "arrow"), marker(`${name}-arrow-on`, "arrow on")),
    arrows,
    labels,
    boxes,
  );
  const buttons = boxes.filter((box) => box.hasAttribute("tabindex"));
  buttons.sort((a, b) => Number(a.dataset.y) - Number(b.dataset.y) || Number(a.dataset.x) - Number(b.dataset.x));
  if (buttons[0]) buttons[0].setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => move(event, buttons));

  function choose(id, quietly = false) {
    for (const box of buttons) {
      const same = box.dataset.id === id;
      box.setAttribute("aria-pressed", String(same));
      box.setAttribute("tabindex", same ? "0" : "-1");
    }
    if (!quietly) chosen?.(id);
  }

  return { element: svg, choose };
}

/** Make a picture as wide as its frame lets it be, but never so small that it cannot be read. */
export function fit(frame, svg) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const set = () => {
    const room = frame.clientWidth - 24;
    const scale = Math.max(Math.min(room / width, 1), 0.72);
    svg.setAttribute("width", Math.floor(width * scale));
    svg.setAttribute("height", Math.floor(height * scale));
  };
  new ResizeObserver(set).observe(frame);
  set();
}

function arrange(graph) {
  const drawing = new Graph({ multigraph: true });
  drawing.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 46, edgesep: 18, marginx: 8, marginy: 8 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) {
    const [first, second] = texts(node);
    const wide = Math.max(measure(first, "600 14px"), second ? measure(second, "12px") : 0);
    const extra = node.locked ? 22 : 0;
    drawing.setNode(node.id, {
      width: Math.ceil(wide + extra) + (node.type === "branch" ? 52 : 36),
      height: (second ? 2 : 1) * LINE + (node.end ? 14 : 18),
    });
  }
  for (const edge of graph.edges) {
    const wide = edge.label ? measure(edge.label, "600 12px") + 14 : 0;
    drawing.setEdge(edge.from, edge.to, { ...edge, width: wide, height: edge.label ? 20 : 0, labelpos: "c" }, edge.id);
  }
  layout(drawing);
  if (backwards(graph, drawing)) mirror(drawing);
  return drawing;
}

/** Whether most branches have their first case on the right: cases are read from the left, as written. */
function backwards(graph, drawing) {
  let score = 0;
  for (const node of graph.nodes.filter((one) => one.type === "branch")) {
    const xs = graph.edges.filter((edge) => edge.from === node.id).map((edge) => drawing.edge(edge.from, edge.to, edge.id).x);
    for (let i = 1; i < xs.length; i++) score += Math.sign(xs[i] - xs[i - 1]);
  }
  return score < 0;
}

function mirror(drawing) {
  const { width } = drawing.graph();
  for (const id of drawing.nodes()) drawing.node(id).x = width - drawing.node(id).x;
  for (const one of drawing.edges()) {
    const edge = drawing.edge(one);
    if (edge.x !== undefined) edge.x = width - edge.x;
    for (const point of edge.points) point.x = width - point.x;
  }
}

function texts(node) {
  if (node.end) return [cut(node.title)];
  const kind = node.note ? `${node.type} · ${node.note}` : node.type;
  return node.title ? [cut(node.title), cut(`${node.id} · ${kind}`, LONGEST + 8)] : [cut(node.id), cut(kind, LONGEST + 8)];
}

const cut = (text, most = LONGEST) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function measure(text, font) {
  ruler.font = `${font} ${family}`;
  return ruler.measureText(text).width;
}

function marker(id, kind) {
  const shape = s("path", { d: "M0 0 8 4 0 8z", class: kind });
  return s("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" }, shape);
}

function drawEdge(edge, name, path) {
  const kind = ["edge", edge.on ? "on" : "", edge.later ? "later" : "", path && !edge.on ? "off" : ""].filter(Boolean).join(" ");
  const end = edge.on ? `${name}-arrow-on` : `${name}-arrow`;
  return s("path", { class: kind, d: curve(edge.points), "marker-end": `url(#${end})`, "data-edge": edge.id });
}

/** A smooth line through the points that dagre gives. */
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

const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
const round = (number) => Math.round(number * 10) / 10;

function drawLabel(edge, path) {
  const wide = edge.width;
  return s(
    "g",
    { class: `label ${edge.on ? "on" : path ? "off" : ""}`, transform: `translate(${round(edge.x)} ${round(edge.y)})` },
    s("rect", { x: -wide / 2, y: -10, width: wide, height: 20, rx: 6 }),
    s("text", { y: 4, "text-anchor": "middle" }, edge.label),
  );
}

function drawNode(node, box, { path, graph, choose, clickable }) {
  const seen = path?.nodes[node.id];
  const ended = node.end && path && graph.edges.some((one) => path.edges.includes(one.id) && (one.from === node.id || one.to === node.id));
  const state = seen?.state ?? (ended ? "ran" : null);
  const [first, second] = texts(node);
  const kind = ["node", node.end ? "end" : "", node.locked ? "locked" : "", state ?? (path ? "off" : ""), node.type === "branch" ? "branch" : "", node.later ? "later" : ""];
  const usable = clickable && !node.end;
  const top = -box.height / 2;
  const textX = node.locked ? 10 : 0;
  return s(
    "g",
    {
      class: kind.filter(Boolean).join(" "),
      transform: `translate(${round(box.x)} ${round(box.y)})`,
      "data-id": node.id,
      "data-x": round(box.x),
      "data-y": round(box.y),
      ...(usable
        ? {
            role: "button",
            tabindex: "-1",
            "aria-pressed": "false",
            "aria-label": spoken(node, seen, graph, path),
            click: () => choose(node.id),
          }
        : {}),
    },
    node.title && !node.end ? s("title", null, node.title) : null,
    shape(node, box),
    node.locked ? lock(-box.width / 2 + 14, second ? -8 : 0) : null,
    s("text", { class: "name", y: second ? -3 : 5, x: textX, "text-anchor": "middle" }, first),
    second ? s("text", { class: "kind", y: 14, x: textX, "text-anchor": "middle" }, second) : null,
    state && !node.end ? mark(state, box.width / 2, top, seen?.times ?? 1) : null,
  );
}

function shape(node, box) {
  const [w, t] = [box.width / 2, box.height / 2];
  if (node.type === "branch") {
    return s("path", { class: "box", d: `M${-w} 0 ${-w + 14} ${-t} ${w - 14} ${-t} ${w} 0 ${w - 14} ${t} ${-w + 14} ${t}z` });
  }
  return s("rect", { class: "box", x: -w, y: -t, width: box.width, height: box.height, rx: node.end ? t : 8 });
}

function lock(x, y) {
  return s(
    "g",
    { class: "lock", transform: `translate(${x} ${y})`, "aria-hidden": "true" },
    s("rect", { x: -5, y: -1, width: 10, height: 8, rx: 1.5 }),
    s("path", { d: "M-3 -1v-2a3 3 0 0 1 6 0v2" }),
  );
}

function mark(state, x, y, times) {
  const text = times > 1 ? `${MARKS[state]} ${times}×` : MARKS[state];
  const wide = times > 1 ? 18 + String(times).length * 7 + 8 : 18;
  return s(
    "g",
    { class: `mark ${state}`, transform: `translate(${x - 4} ${y})`, "aria-hidden": "true" },
    s("rect", { x: -wide / 2, y: -9, width: wide, height: 18, rx: 9 }),
    s("text", { y: 4, "text-anchor": "middle" }, text),
  );
}

function spoken(node, seen, graph, path) {
  const words = [node.title ? `${node.title}, ${node.id}` : node.id, node.note ? `${node.type} ${node.note}` : node.type];
  if (node.locked) words.push("locked");
  if (path) words.push(seen ? WORDS[seen.state] + (seen.times > 1 ? `, ${seen.times} times` : "") : "not run");
  const next = graph.edges.filter((edge) => edge.from === node.id);
  const told = next.map((edge) => `${edge.to.replace("·", "")}${edge.label ? ` (${edge.label})` : ""}`);
  if (told.length) words.push(`leads to ${told.join(", ")}`);
  return words.join(", ");
}

function move(event, buttons) {
  const at = buttons.indexOf(document.activeElement);
  if (at < 0) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    document.activeElement.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    return;
  }
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -at, End: buttons.length - 1 - at };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const target = buttons[Math.min(Math.max(at + steps[event.key], 0), buttons.length - 1)];
  for (const one of buttons) one.setAttribute("tabindex", one === target ? "0" : "-1");
  target.focus();
}
