// Saves an answer while it is typed. Without this script the buttons of the form do the same.
"use strict";

const form = document.getElementById("answer");
const said = document.getElementById("saved");
let sent = snapshot();
let timer = 0;
let running = false;
let held = Boolean(form.dataset.hold); // somebody else was first: from here on only the button saves

function snapshot() {
  const data = new FormData(form);
  return JSON.stringify(Object.fromEntries(["verdict", "note", "reason", "improvement", "due"].map((name) => [name, data.get(name) || ""])));
}

function tell(text, wrong) {
  said.textContent = text;
  said.classList.toggle("wrong", wrong);
}

async function save(leaving) {
  clearTimeout(timer);
  const now = snapshot();
  if (held || running || now === sent) return;
  running = true;
  tell(form.dataset.saving, false);
  try {
    const answer = await fetch(form.dataset.save, {
      method: "POST",
      keepalive: leaving,
      headers: { "content-type": "application/json", "x-csrf-token": document.body.dataset.csrf },
      body: JSON.stringify({ ...JSON.parse(now), revision: Number(form.elements.revision.value) }),
    });
    const found = await answer.json();
    if (answer.ok) {
      form.elements.revision.value = found.revision;
      sent = now;
      tell(form.dataset.saved.replace("{time}", found.at), false);
    } else if (answer.status === 409 && found.current) {
      held = true;
      tell(form.dataset.changed, true);
    } else tell(found.error?.detail || form.dataset.failed, true);
  } catch {
    tell(form.dataset.failed, true);
  }
  running = false;
  if (waiting) {
    delete form.dataset.sent;
    form.requestSubmit(waiting);
  } else if (!held && snapshot() !== now) later(400);
}

function later(milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(save, milliseconds);
}

form.addEventListener("change", () => save());
form.addEventListener("input", (event) => { if (event.target.type !== "radio") later(900); });
// The button's own request must not cross one that is under way: it would meet another revision.
let waiting = null;
form.addEventListener("submit", (event) => {
  clearTimeout(timer);
  if (running) {
    event.preventDefault();
    waiting = event.submitter;
  } else held = true;
});
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") save(true); });
