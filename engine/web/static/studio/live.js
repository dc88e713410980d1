// Lists that follow what happens: a look every other second while the page is in sight.

import { get } from "./api.js";
import { h } from "./dom.js";

const EVERY = 2000; // milliseconds

/**
 * Call `renew` whenever one of `kinds` is not what it was: "run" (a flow ran), "event" (one came in),
 * "change" (a row of a table). Gives the sign that tells people so.
 * @param {("run" | "event" | "change")[]} kinds
 * @param {() => Promise<unknown>} renew
 */
export function follow(kinds, renew) {
  const sign = h("span", { class: "live", role: "status" });
  /** @param {boolean} well */
  const tell = (well) => {
    const words = well ? "live" : "no answer, trying again";
    if (sign.textContent !== words) sign.textContent = words;
    sign.classList.toggle("away", !well);
  };
  let known = "";
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const pulse = await get("pulse");
      const now = kinds.map((kind) => pulse[kind]).join(" ");
      if (known && now !== known) await renew();
      known = now;
      tell(true);
    } catch {
      tell(false);
    }
    timer = setTimeout(look, EVERY);
  };
  document.addEventListener("visibilitychange", look);
  look();
  return sign;
}
