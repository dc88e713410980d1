// Asking the server. Writes carry the CSRF token of the page.

const csrf = document.querySelector('meta[name="csrf"]').content;

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
  if (!answer.ok) {
    const error = new Error(data?.detail ?? `The server answered ${answer.status}.`);
    error.status = answer.status;
    error.code = data?.code;
    throw error;
  }
  return data;
}

/** Read: `get("runs", {flow: "pay"})`. */
export function get(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return ask(query ? `${path}?${query}` : path);
}

/** Write. */
export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}
