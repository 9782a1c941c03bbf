// What every page has: the clock, menus that close, the keys that go somewhere. Pages work without it.
"use strict";

const clock = document.getElementById("clock");
if (clock) {
  const format = new Intl.DateTimeFormat("ja-JP", { timeZone: "Asia/Tokyo", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const tick = () => { clock.textContent = format.format(new Date()); };
  setInterval(tick, 10000);
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  else form.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Keys are left alone while somebody types, and with modifiers, which belong to the browser.
window.secopsTyping = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || event.isComposing ||
  event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, dialog[open]") !== null;

// What needs script to work is shown only where there is script.
const keys = document.getElementById("keys");
window.secopsOffer = () => { for (const one of document.querySelectorAll("[data-opens]")) one.hidden = !keys; };
window.secopsOffer();
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-opens=keys]")) keys.showModal();
});
keys?.addEventListener("keydown", (event) => {
  if (event.key !== "?") return;
  event.stopPropagation(); // or it would be opened again
  keys.close();
});

// g and a letter go to a page, / to the page's search field, ? lists the keys.
let wentAt = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  }
  if (window.secopsTyping(event)) return;
  const going = Date.now() - wentAt < 1000;
  wentAt = 0;
  const goal = going && document.querySelector(`.nav a[data-key="${CSS.escape(event.key)}"]`);
  if (goal) {
    event.stopImmediatePropagation();
    location.assign(goal.href);
  } else if (event.key === "g") wentAt = Date.now();
  else if (event.key === "?" && keys) { event.preventDefault(); keys.showModal(); }
  else if (event.key === "/") {
    const field = document.querySelector("[data-slash]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  }
});
