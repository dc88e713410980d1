// Where the nodes and arrows of a graph stand; dagre says it.

import { Graph as Drawing, layout } from "./vendor/dagre.js";

/** @typedef {import("./types").Graph} Graph */
/** @typedef {import("./types").GraphEdge} GraphEdge */
/** @typedef {import("./types").GraphNode} GraphNode */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {Point & {width: number, height: number}} Box */
/** @typedef {GraphEdge & Box & {points: Point[]}} Arrow */

const LONGEST = 34;
const LINE = 17;
const ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
const family = getComputedStyle(document.body).fontFamily;

/**
 * The place of every node and arrow, from the top left.
 * @param {Graph} graph
 * @returns {{width: number, height: number, boxes: Map<string, Box>, arrows: Arrow[]}}
 */
export function arrange(graph) {
  const drawing = new Drawing({ multigraph: true });
  drawing.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 46, edgesep: 18, marginx: 8, marginy: 8 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) drawing.setNode(node.id, size(node));
  for (const edge of graph.edges) {
    const width = edge.label ? measure(edge.label, "600 12px") + 14 : 0;
    drawing.setEdge(edge.from, edge.to, { ...edge, width, height: edge.label ? 20 : 0, labelpos: "c" }, edge.id);
  }
  layout(drawing);
  const { width, height } = drawing.graph();
  const boxes = new Map(graph.nodes.map((node) => [node.id, /** @type {Box} */ (drawing.node(node.id))]));
  const arrows = drawing.edges().map((/** @type {any} */ one) => /** @type {Arrow} */ (drawing.edge(one)));
  if (backwards(graph, arrows)) mirror(width, boxes, arrows);
  return { width, height, boxes, arrows };
}

/**
 * The one or two lines in a node's box.
 * @param {GraphNode} node
 * @returns {[string, string?]}
 */
export function texts(node) {
  if (node.end) return [cut(node.title)];
  const kind = node.note ? `${node.type} · ${node.note}` : node.type;
  return node.title ? [cut(node.title), cut(`${node.id} · ${kind}`, LONGEST + 8)] : [cut(node.id), cut(kind, LONGEST + 8)];
}

const cut = (/** @type {string} */ text, most = LONGEST) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** @param {GraphNode} node */
function size(node) {
  const [first, second] = texts(node);
  const wide = Math.max(measure(first, "600 14px"), second ? measure(second, "12px") : 0);
  return {
    width: Math.ceil(wide + (node.locked ? 22 : 0)) + (node.type === "branch" ? 52 : 36),
    height: (second ? 2 : 1) * LINE + (node.end ? 14 : 18),
  };
}

/** @param {string} text @param {string} font */
function measure(text, font) {
  ruler.font = `${font} ${family}`;
  return ruler.measureText(text).width;
}

/**
 * Whether most branches have their first case on the right: cases are read from the left, as written.
 * @param {Graph} graph
 * @param {Arrow[]} arrows
 */
function backwards(graph, arrows) {
  const places = new Map(arrows.map((arrow) => [arrow.id, arrow.x]));
  let score = 0;
  for (const node of graph.nodes.filter((one) => one.type === "branch")) {
    const xs = graph.edges.filter((edge) => edge.from === node.id).map((edge) => places.get(edge.id) ?? 0);
    for (let i = 1; i < xs.length; i++) score += Math.sign(xs[i] - xs[i - 1]);
  }
  return score < 0;
}

/** @param {number} width @param {Map<string, Box>} boxes @param {Arrow[]} arrows */
function mirror(width, boxes, arrows) {
  for (const box of boxes.values()) box.x = width - box.x;
  for (const arrow of arrows) {
    if (arrow.x !== undefined) arrow.x = width - arrow.x;
    for (const point of arrow.points) point.x = width - point.x;
  }
}
