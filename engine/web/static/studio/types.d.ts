// The data that the studio's pages get from /studio/api (engine/studio/*.py), for `tsc --checkJs`.

export type Json = any;
export type Row = Record<string, Json>;
export type Content = Node | string | number | null | undefined | false | Content[];
export type Listener = (event: any) => unknown;
export type Props = Record<string, string | number | boolean | null | undefined | Listener> | null;

export interface Change {
  table: string;
  key: string | number;
  before: Row | null;
  after: Row | null;
}

/** What one node did; `us` is the time it took itself, in microseconds, where that was measured. */
export interface Step {
  id: string;
  type: string;
  line: number | null;
  us?: number | null;
  error: string | null;
  stop: string | null;
  notes: Row[];
  changes: Change[];
  steps: Step[];
  in?: Json;
  out?: Json;
}

export interface GraphNode {
  id: string;
  type: string;
  title: string;
  end?: boolean;
  locked?: boolean;
  line?: number;
  note?: string;
  yaml?: string;
  later?: boolean;
}

export interface GraphEdge {
  id: string;
  from: string;
  to: string;
  label: string;
  later: boolean;
}

export interface Graph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export type NodeState = "ran" | "failed" | "stopped" | "waits";

export interface Path {
  nodes: Record<string, { state: NodeState; times: number }>;
  edges: string[];
  resumed: boolean;
}

/** What a picture of a run needs. */
export interface Ran {
  steps: Step[];
  path: Path | null;
  undone?: boolean;
  /** The runs of the neighbouring parts of a user action. */
  earlier?: number | null;
  later?: number | null;
}

export interface EventHead {
  id: string;
  type: string;
  created: string;
  api_version: string | null;
  livemode: boolean;
  subject: string | null;
  state: string;
  flow: string | null;
  attempts: number;
  next_try_at: string | null;
  reason: string | null;
  received_at: string;
  finished_at: string | null;
}

export interface Verdict {
  event: string;
  outcome: string;
  reason: string;
  run: number | null;
}

export interface Problem {
  code: string;
  severity: "error" | "warning";
  message: string;
  mend: string;
  here: boolean;
  place: { file: string; line: number; column: number };
}

export interface Checked {
  problems: Problem[];
  errors: number;
  graph: Graph | null;
}

export interface Tried {
  database: string;
  failed: boolean;
  events: (Ran & { id: string; type: string; flow: string | null; outcome: string; reason: string; seen_before: boolean; early: boolean; graph: Graph | null })[];
  changes: Change[];
  calls: { method: string; url: string; node: string }[];
}

export interface DiffLine {
  kind: "add" | "gone" | "same" | "part";
  text: string;
  old: number | null;
  new: number | null;
}

export interface Difference {
  lines: DiffLine[];
  digest: string;
  same: boolean;
  changed_meanwhile: boolean;
  check: Checked;
}

export interface Output {
  type: string;
  optional: boolean;
  doc: string;
  one_of: string[] | null;
}

/** What the editor may offer (engine/studio/playground.py, `words`). */
export interface Words {
  schema: Json;
  columns: Record<string, Record<string, string>>;
  outputs: Record<string, string | Record<string, Output>>;
  flows: string[];
  config: string[];
  reserved: string[];
}

export interface Suggestion {
  label: string;
  detail?: string;
  info?: string;
  boost?: number;
  apply?: string;
}

/** What of CodeMirror's completion context is used. */
export interface Context {
  state: { doc: any };
  pos: number;
  explicit: boolean;
}
