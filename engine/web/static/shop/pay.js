// @ts-check
/** Stripe's Payment Element for one order: the card never touches this server. */
import { connect } from "/actionflow.js";
import { fill, h } from "./dom.js";
import { money } from "./money.js";

/** @param {string} id @returns {HTMLElement} */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const button = /** @type {HTMLButtonElement} */ (at("pay"));

/** @param {string} text */
function say(text) {
  fill(at("notice"), h("p", { class: "note", "data-mood": "bad" }, text));
}

async function open() {
  const orderId = Number(new URLSearchParams(location.search).get("order"));
  const shop = await (await fetch("/shop/session")).json();
  const caller = connect("/shop/as/customer", null, { headers: { "X-Shop-Token": shop.token } });
  const { clientSecret, amount, currency } = await caller.pay({ orderId });
  at("title").textContent = `Pay order ${orderId}`;
  at("amount").textContent = money(amount, currency);
  const stripe = /** @type {any} */ (globalThis).Stripe(shop.publishableKey);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const elements = stripe.elements({ clientSecret, appearance: { theme: dark ? "night" : "stripe" } });
  elements.create("payment").mount("#element");
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const { error } = await stripe.confirmPayment({
      elements,
      confirmParams: { return_url: `${location.origin}/shop/paid?order=${orderId}` },
    });
    say(error.message);
    button.disabled = false;
  });
}

open().catch((error) => say(error.message));
