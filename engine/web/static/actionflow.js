// @ts-check
/**
 * Actionflow in a browser: actions, rows, and rows as they change. One file, no build, no dependencies.
 *
 *   import { connect } from "/actionflow.js";
 *   const shop = connect("https://shop.example.com", () => fetchMyToken());
 *   const live = shop.subscribe("payment", { order_id: 7 }, (change) => console.log(change));
 *   const { clientSecret } = await shop.pay({ orderId: 7 });
 *
 * Amounts are integers of the currency's minor unit. Nothing that changes is missed: after a break the
 * stream goes on where it was (Last-Event-ID), or says that it begins anew.
 *
 * @typedef {string | number | boolean | null} Scalar
 * @typedef {Record<string, any>} Row
 * @typedef {Record<string, Scalar | Scalar[] | Record<string, Scalar | Scalar[]>>} Filter
 *   Column to value or values, all of which must hold; of several tables: table to such a filter.
 * @typedef {{type: "state", table: string, rows: Row[], complete: boolean}
 *   | {type: "row", table: string, key: string | number, op: "insert" | "update", at: string, row: Row, before: Row | undefined}
 *   | {type: "remove", table: string, key: string | number, at: string, before: Row | undefined}
 *   | {type: "reset", tables: string[]}} Change
 *   `state`: all rows as they are now. `row`: this row is new or changed. `remove`: it was deleted, or no
 *   longer matches. `reset`: only without `state: true`: read the rows again.
 * @typedef {"connecting" | "live" | "waiting" | "refused" | "closed"} Status
 * @typedef {object} SubscribeOptions
 * @property {boolean} [state] Whether to begin with the rows as they are (true).
 * @property {number} [limit] The most rows of that state (100).
 * @property {string} [order] A column, with - before it to descend.
 * @property {(status: Status, problem?: Problem) => void} [onStatus]
 * @typedef {object} Live
 * @property {Map<string, Map<string | number, Row>>} tables The rows as they are, by table and key.
 * @property {() => void} close
 * @typedef {string | null | (() => string | null | Promise<string | null>)} Token
 *   The bearer token, or what gets one; asked anew for every request, so it may renew itself.
 * @typedef {object} ConnectOptions
 * @property {Record<string, string>} [headers] Sent with every request.
 */

const LONGEST_WAIT = 15_000;
const SILENCE = 45_000; // three heartbeats
const TRIES = 4;

/** An answer that says no, with a stable `code` (docs/actions.md lists them). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} body */
  constructor(status, body) {
    super(String(body.detail ?? `The server answered ${status}.`));
    this.name = "Problem";
    this.status = status;
    this.code = String(body.code ?? "unknown");
    this.body = body;
  }
}

/**
 * @param {string} url Where the server is; empty for the page's own.
 * @param {Token} [token]
 * @param {ConnectOptions} [options]
 */
export function connect(url = "", token = null, options = {}) {
  const base = url.replace(/\/$/, "");

  async function headers() {
    const found = typeof token === "function" ? await token() : token;
    return { ...options.headers, ...(found ? { Authorization: `Bearer ${found}` } : {}) };
  }

  /**
   * An action. The same request is sent again where an answer was lost, and is done once.
   * @param {string} name @param {Row} input @returns {Promise<Row>}
   */
  async function act(name, input) {
    const key = newKey();
    for (let turn = 1; ; turn += 1) {
      /** @type {Response | undefined} */
      let response;
      try {
        response = await fetch(`${base}/actions/${name}`, {
          method: "POST",
          headers: { ...(await headers()), "Content-Type": "application/json", "Idempotency-Key": key },
          body: JSON.stringify(input),
        });
      } catch (error) {
        if (turn === TRIES) throw error;
      }
      if (response?.ok) return response.json();
      if (response) {
        const refused = await problemOf(response);
        const again = response.status === 503 || refused.code === "action_in_progress";
        if (!again || turn === TRIES) throw refused;
      }
      await pause(300 * 2 ** turn);
    }
  }

  return {
    /** @param {{orderId: number | string, amount?: number, currency?: string, mode?: "elements" | "checkout"}} input */
    pay: (input) => act("pay", input),
    /** @param {{paymentId: number, refundAmount?: number, reason?: string}} input */
    refund: (input) => act("refund", input),
    /** @param {{type: "Initiate" | "Cancel", orderId: number | string, priceId?: string}} input */
    recurring: (input) => act("recurring", input),
    act,

    /**
     * One page of rows; `next` asks for the one after it, as `after`.
     * @param {string} table @param {Filter} [filter]
     * @param {{limit?: number, order?: string, after?: string}} [page]
     * @returns {Promise<{rows: Row[], next: string | null, seq: string}>}
     */
    async read(table, filter = {}, page = {}) {
      const query = queryOf(filter, page);
      const response = await fetch(`${base}/tables/${table}?${query}`, { headers: await headers() });
      if (!response.ok) throw await problemOf(response);
      return response.json();
    },

    /**
     * Rows as they change, until `close()`. Breaks mend themselves.
     * @param {string | string[]} tables @param {Filter} filter
     * @param {(change: Change, live: Live) => void} onChange
     * @param {SubscribeOptions} [options]
     * @returns {Live}
     */
    subscribe(tables, filter, onChange, { state = true, limit, order, onStatus } = {}) {
      const names = Array.isArray(tables) ? tables : [tables];
      const query = queryOf(filter, { state: state ? 1 : 0, limit, order });
      const address = `${base}/tables/${names.join(",")}/subscribe?${query}`;
      const stream = new Stream(address, headers, names, onChange, onStatus);
      stream.run();
      return stream;
    },
  };
}

/** A subscription: reads, remembers its place, and comes again after a break. */
class Stream {
  /**
   * @param {string} address @param {() => Promise<Record<string, string>>} headers @param {string[]} names
   * @param {(change: Change, live: Live) => void} onChange
   * @param {SubscribeOptions["onStatus"]} onStatus
   */
  constructor(address, headers, names, onChange, onStatus) {
    this.address = address;
    this.headers = headers;
    this.onChange = onChange;
    this.onStatus = onStatus ?? (() => {});
    /** @type {Map<string, Map<string | number, Row>>} */
    this.tables = new Map(names.map((name) => [name, new Map()]));
    this.stop = new AbortController();
    this.closed = false;
    this.place = "";
  }

  close() {
    this.closed = true;
    this.stop.abort();
    this.onStatus("closed");
  }

  async run() {
    let wait = 250;
    let refusals = 0;
    while (!this.closed) {
      this.stop = new AbortController();
      this.onStatus("connecting");
      try {
        const response = await fetch(this.address, {
          headers: { ...(await this.headers()), ...(this.place ? { "Last-Event-ID": this.place } : {}) },
          signal: this.stop.signal,
          cache: "no-store",
        });
        if (!response.ok || !response.body) {
          const problem = await problemOf(response);
          const passing = response.status >= 500 || response.status === 429;
          refusals = response.status === 401 ? refusals + 1 : 0;
          if (!passing && (response.status !== 401 || refusals > 2)) {
            this.onStatus("refused", problem);
            return;
          }
        } else {
          refusals = 0;
          this.onStatus("live");
          await this.read(response.body, () => (wait = 250));
        }
      } catch (error) {
        if (error instanceof TypeError || error instanceof DOMException) {
          // The network: come again.
        } else throw error;
      }
      if (this.closed) return;
      this.onStatus("waiting");
      await pause(wait * (0.5 + Math.random()));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  /** @param {ReadableStream<any>} body @param {() => void} alive */
  async read(body, alive) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const watch = () => setTimeout(() => this.stop.abort(), SILENCE);
    let watchdog = watch();
    let text = "";
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = watch();
        alive();
        text += value;
        const parts = text.split("\n\n");
        text = parts.pop() ?? "";
        for (const part of parts) this.take(part);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** One event of the stream. @param {string} part */
  take(part) {
    let name = "message";
    let data = "";
    let place;
    for (const line of part.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("id: ")) place = line.slice(4);
    }
    if (data && !this.closed) this.tell(name, JSON.parse(data));
    if (place !== undefined) this.place = place;
  }

  /** @param {string} name @param {Row} data */
  tell(name, data) {
    const rows = this.tables.get(data.table);
    if (name === "state" && rows) {
      rows.clear();
      for (const row of data.rows) rows.set(keyOf(row, data), row);
      this.onChange({ type: "state", table: data.table, rows: data.rows, complete: data.complete }, this);
    } else if (name === "row" && rows) {
      const before = rows.get(data.key);
      rows.set(data.key, data.row);
      this.onChange(/** @type {Change} */ ({ type: "row", before, ...data }), this);
    } else if (name === "remove" && rows) {
      const before = rows.get(data.key);
      rows.delete(data.key);
      this.onChange(/** @type {Change} */ ({ type: "remove", before, ...data }), this);
    } else if (name === "reset") {
      for (const table of data.tables) this.tables.get(table)?.clear();
      this.onChange({ type: "reset", tables: data.tables }, this);
    }
  }
}

/** @param {Row} row @param {Row} data @returns {string | number} */
function keyOf(row, data) {
  return row[data.key ?? "id"];
}

/** @param {Filter} filter @param {Record<string, Scalar | undefined>} options */
function queryOf(filter, options) {
  const query = new URLSearchParams();
  /** @param {string} name @param {Scalar | Scalar[]} value */
  const add = (name, value) => {
    for (const one of Array.isArray(value) ? value : [value]) query.append(name, one === null ? "" : String(one));
  };
  for (const [name, value] of Object.entries(filter)) {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) {
      for (const [column, inner] of Object.entries(value)) add(`${name}.${column}`, inner);
    } else add(name, value);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) query.append(name, String(value));
  }
  return query;
}

/** @param {Response} response */
async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem(response.status, body);
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
