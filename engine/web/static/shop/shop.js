// @ts-check
import { connect } from "/actionflow.js";
import { fill, h } from "./dom.js";
import { changeView, noticeable, orderView, productView } from "./views.js";

/** @typedef {import("./views.js").Row} Row */
/** @typedef {import("./views.js").Role} Role */

const TABLES = ["order", "payment", "recurring_payment"];
const MOST_CHANGES = 40;

/** @param {string} id @returns {HTMLElement} */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The address says which order the visitor comes back for. */
const came = new URLSearchParams(location.search);
const backFrom = location.pathname.endsWith("/paid") ? Number(came.get("order")) : null;

/** @type {Row} */
let shop = {};
/** @type {Role} */
let role = "customer";
/** @type {ReturnType<ReturnType<typeof connect>["subscribe"]> | null} */
let live = null;

async function open() {
  const answer = await fetch("/shop/session");
  const body = await answer.json();
  if (!answer.ok) {
    at("banner").textContent = "The shop is closed.";
    say(body.detail, "bad");
    return;
  }
  shop = body;
  at("name").textContent = shop.name;
  document.title = `${shop.name} · Actionflow`;
  at("banner").textContent = shop.standin
    ? "A demo on a stand-in for Stripe: no money moves, no real card is asked for."
    : shop.stripe
      ? "A demo on Stripe in test mode: no money moves. Pay with the card 4242 4242 4242 4242."
      : "A demo without Stripe: no key is set, so nothing can be paid.";
  at("month").hidden = !shop.standin;
  fill(at("products"), ...shop.products.map((/** @type {Row} */ one) => productView(one, buy)));
  at("as-customer").textContent = `Customer (${shop.customer})`;
  become(localStorage.getItem("role") === "admin" && backFrom === null ? "admin" : "customer");
}

/** @param {Role} wanted */
function become(wanted) {
  role = wanted;
  localStorage.setItem("role", role);
  at("as-customer").setAttribute("aria-pressed", String(role === "customer"));
  at("as-admin").setAttribute("aria-pressed", String(role === "admin"));
  at("window").hidden = role === "admin";
  at("orders-title").textContent = role === "admin" ? "All orders" : "Your orders";
  fill(at("changes"));
  at("no-changes").hidden = false;
  live?.close();
  const tables = role === "admin" ? [...TABLES, "refund"] : TABLES;
  live = caller().subscribe(tables, {}, changed, { order: "-id", limit: 200, onStatus: status });
}

/** The connection of the role one is now: the same routes, called by the shop with that role's key. */
function caller() {
  return connect(`/shop/as/${role}`, null, { headers: { "X-Shop-Token": shop.token } });
}

/** @param {string} now @param {Error} [problem] */
function status(now, problem) {
  const words = { connecting: "connecting…", live: "live", waiting: "connecting again…", refused: "refused", closed: "closed" };
  at("live").textContent = words[/** @type {keyof typeof words} */ (now)];
  at("live").dataset.status = now;
  if (problem) say(problem.message, "bad");
}

/** @param {import("/actionflow.js").Change} change */
function changed(change) {
  if ((change.type === "row" || change.type === "remove") && noticeable(change)) {
    at("changes").prepend(changeView(change));
    while (at("changes").childElementCount > MOST_CHANGES) at("changes").lastElementChild?.remove();
    at("no-changes").hidden = true;
  }
  show(change.type === "state" ? null : change);
}

/** Draw the orders that may have changed; all of them where `change` is null.
 * @param {any} change */
function show(change) {
  const rows = (/** @type {string} */ name) => [...(live?.tables.get(name)?.values() ?? [])];
  const orders = rows("order").sort((a, b) => b.id - a.id);
  const payments = rows("payment");
  const list = at("orders");
  const touched = change && orderOf(change, payments);
  const kept = new Map([...list.children].map((item) => [Number(/** @type {HTMLElement} */ (item).dataset.order), item]));
  const typing = remember(list);
  fill(
    list,
    ...orders.map((order) => {
      const old = kept.get(order.id);
      if (old && touched !== null && touched !== order.id) return old;
      const view = orderView(order, {
        payments: payments.filter((one) => one.order_id === order.id),
        recurring: rows("recurring_payment").filter((one) => one.order_id === order.id),
        refunds: rows("refund"),
        role, shop, pay, subscribe, cancel, refund,
      });
      if (change) view.classList.add("fresh");
      return view;
    }),
  );
  typing();
  at("no-orders").hidden = orders.length > 0;
  if (backFrom !== null) welcomeBack(orders.find((one) => one.id === backFrom), rows("recurring_payment"));
}

/** The order that a change is about, null where it cannot be told. @param {any} change @param {Row[]} payments */
function orderOf(change, payments) {
  const row = change.row ?? change.before ?? {};
  if (change.table === "order") return change.key;
  if (change.table === "refund") return payments.find((one) => one.id === row.payment_id)?.order_id ?? null;
  return row.order_id ?? null;
}

/** What the visitor was typing or standing on, and how to put it back after drawing. @param {HTMLElement} list */
function remember(list) {
  const here = /** @type {HTMLElement | null} */ (document.activeElement);
  const name = here && list.contains(here) ? here.dataset.name : undefined;
  const text = here instanceof HTMLInputElement ? here.value : null;
  return () => {
    if (!name) return;
    const again = /** @type {HTMLElement | null} */ (list.querySelector(`[data-name="${name}"]`));
    if (again instanceof HTMLInputElement && text !== null) again.value = text;
    (again ?? list).focus({ preventScroll: true });
  };
}

/** @param {Row | undefined} order @param {Row[]} recurring */
function welcomeBack(order, recurring) {
  if (!order) return;
  const running = recurring.some((one) => one.order_id === order.id && one.status === "active");
  if (order.status === "paid") say(running ? "Thank you. Your subscription has begun." : `Thank you. Order ${order.id} is paid.`, "good");
  else if (order.status === "failed") say(`Order ${order.id}: the payment failed. You can try again.`, "bad");
  else if (order.status === "pending") say(`Order ${order.id}: waiting for Stripe's word…`, "busy");
}

/** @param {string} text @param {"good" | "bad" | "busy"} mood */
function say(text, mood) {
  const note = at("notice").firstElementChild;
  if (note?.textContent === text) return;
  fill(at("notice"), h("p", { class: "note", "data-mood": mood }, text));
}

/** Do something that a button asked for; the button waits, and a refusal is said.
 * @param {HTMLButtonElement} button @param {() => Promise<void>} work */
async function doing(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (error) {
    const problem = /** @type {any} */ (error);
    const forgotten = shop.standin && problem.body?.stripe?.code === "resource_missing";
    say(forgotten ? "The stand-in forgets everything when it stops, and this was made before. Buy something new." : problem.message, "bad");
    at("notice").scrollIntoView({ block: "nearest" });
  } finally {
    button.disabled = false;
  }
}

/** @param {string} path @param {Row} body @returns {Promise<Row>} */
async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Shop-Token": shop.token },
    body: JSON.stringify(body),
  });
  const given = await answer.json();
  if (!answer.ok) throw new Error(given.detail);
  return given;
}

/** @param {Row} product @param {HTMLButtonElement} button */
function buy(product, button) {
  return doing(button, async () => {
    const { orderId } = await post("/shop/orders", { product: product.id });
    if (product.price) await toCheckout(orderId, product.price);
    else await toPayment(orderId);
  });
}

/** @param {number} orderId @param {string} priceId */
async function toCheckout(orderId, priceId) {
  const { checkoutUrl } = await caller().recurring({ type: "Initiate", orderId, priceId });
  location.assign(checkoutUrl);
}

/** To the page where the card is asked for: the stand-in's, or ours with Stripe's Elements in it.
 * @param {number} orderId */
async function toPayment(orderId) {
  const back = `${location.origin}/shop/paid?order=${orderId}`;
  if (!shop.standin && shop.publishableKey) {
    location.assign(`/shop/pay?order=${orderId}`);
    return;
  }
  if (!shop.standin) return toHosted(orderId);
  const { clientSecret } = await caller().pay({ orderId });
  const intent = clientSecret.split("_secret_")[0];
  const query = new URLSearchParams({ client_secret: clientSecret, return_url: back });
  location.assign(`${shop.standin}/_standin/pay/${intent}?${query}`);
}

/** @param {number} orderId */
async function toHosted(orderId) {
  const { checkoutUrl } = await caller().pay({ orderId, mode: "checkout" });
  location.assign(checkoutUrl);
}

/** @param {Row} order @param {boolean} hosted @param {HTMLButtonElement} button */
function pay(order, hosted, button) {
  return doing(button, () => (hosted ? toHosted(order.id) : toPayment(order.id)));
}

/** @param {Row} order @param {string} price @param {HTMLButtonElement} button */
function subscribe(order, price, button) {
  return doing(button, () => toCheckout(order.id, price));
}

/** @param {Row} order @param {HTMLButtonElement} button */
function cancel(order, button) {
  return doing(button, async () => {
    const { cancelAt } = await caller().recurring({ type: "Cancel", orderId: order.id });
    say(`The subscription ends on ${new Date(cancelAt).toLocaleDateString()}.`, "good");
  });
}

/** @param {Row} payment @param {number | null} amount @param {HTMLButtonElement} button */
function refund(payment, amount, button) {
  return doing(button, async () => {
    if (amount === null) throw new Error("The amount is not one of this currency, such as 12.50.");
    await caller().refund({ paymentId: payment.id, refundAmount: amount });
    say(`A refund of payment ${payment.id} is on its way.`, "good");
  });
}

at("as-customer").addEventListener("click", () => become("customer"));
at("as-admin").addEventListener("click", () => become("admin"));
at("month").addEventListener("click", (pressed) => {
  const button = /** @type {HTMLButtonElement} */ (pressed.currentTarget);
  return doing(button, async () => {
    const { now } = await post("/shop/month", {});
    say(`At the stand-in it is now ${new Date(now * 1000).toLocaleDateString()}: subscriptions renew or end.`, "good");
  });
});
open();
