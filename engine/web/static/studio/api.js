// Asking the server. Writes carry the CSRF token of the page.

const csrf = /** @type {HTMLMetaElement} */ (document.querySelector('meta[name="csrf"]')).content;

/** An answer that says no. */
export class Refused extends Error {
  /** @param {number} status @param {{detail?: string, code?: string} | null} body */
  constructor(status, body) {
    super(body?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = body?.code ?? "";
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>}
 */
async function ask(path, options) {
  const answer = await fetch(`/studio/api/${path}`, { credentials: "same-origin", ...options });
  if (answer.status === 401) {
    // The session is over: sign in, then come back here.
    location.assign(`/studio/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const text = await answer.text();
  let data = null;
  try {
    data = JSON.parse(text);
  } catch {
    // A proxy's page, perhaps; the status has to do.
  }
  if (!answer.ok) throw new Refused(answer.status, data);
  return data;
}

/**
 * Read: `get("runs", {flow: "pay"})`.
 * @param {string} path
 * @param {Record<string, string | null | undefined>} [params]
 */
export function get(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value) query.set(name, value);
  return ask(`${query}` ? `${path}?${query}` : path);
}

/**
 * Write.
 * @param {string} path
 * @param {object} [body]
 */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}
