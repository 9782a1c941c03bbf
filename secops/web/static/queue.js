// The living queue: rows are brought up to date where they stand, new ones wait behind a bar, keys move and act.
// The server sends only "something changed"; this page then asks for itself again and takes over what is different.
"use strict";

const form = document.querySelector("form.rows");
const newbar = document.getElementById("newbar");
const spoken = document.getElementById("spoken");
const firstPage = form.dataset.first === "1";
const REFRESH_AT_LEAST = 60000; // ages grow even when nothing happens
const REFRESH_AT_MOST = 1000;

const rows = () => [...form.querySelectorAll("tr[data-id]")];
const rowOf = (id) => form.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
const say = (text) => { spoken.textContent = text; };

// ------------------------------------------------------------------------------------------------ live updates
let waiting = null; // the newest page as fetched, not shown yet
let fetchedAt = Date.now();
let busy = false;
let again = false;

async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  const rest = REFRESH_AT_MOST - (Date.now() - fetchedAt);
  if (rest > 0) await new Promise((done) => setTimeout(done, rest));
  fetchedAt = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { "X-Background": "1" }, redirect: "manual" });
    if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
    else if (answer.type === "opaqueredirect") ended();
  } catch { /* the server is away; the event stream tells when it is back */ }
  busy = false;
  if (again) { again = false; refresh(); }
}

function take(fresh) {
  for (const id of ["headline", "facts", "tabs", "chips", "undo"]) {
    const here = document.getElementById(id), there = fresh.getElementById(id);
    if (here && there && here.innerHTML !== there.innerHTML && !here.contains(document.activeElement)) {
      here.replaceChildren(...there.childNodes);
    }
  }
  const coming = [...fresh.querySelectorAll("form.rows tr[data-id]")];
  let unseen = 0;
  for (const row of coming) {
    const here = rowOf(row.dataset.id);
    if (here) update(here, row);
    else unseen += 1;
  }
  const kept = new Set(coming.map((row) => row.dataset.id));
  const gone = rows().some((row) => !kept.has(row.dataset.id));
  const order = coming.map((row) => row.dataset.id).join();
  const moved = !gone && order !== rows().map((row) => row.dataset.id).join();
  announce(fresh, firstPage ? unseen : 0, coming.length, gone || moved);
}

function update(here, row) {
  const picked = here.querySelector(".picker")?.checked;
  let changed = false;
  for (const cell of row.cells) {
    const old = here.querySelector(`td.${cell.classList[0]}`);
    if (cell.classList.contains("pick") || !old || old.innerHTML === cell.innerHTML) continue;
    const told = old.textContent.replace(/\d+(秒|分|時間|日)|\d+ ?(s|min|h|d)\b/g, "") !== cell.textContent.replace(/\d+(秒|分|時間|日)|\d+ ?(s|min|h|d)\b/g, "");
    if (!old.contains(document.activeElement)) old.innerHTML = cell.innerHTML;
    changed ||= told;
  }
  here.classList.toggle("is-closed", row.classList.contains("is-closed"));
  const picker = here.querySelector(".picker");
  if (picker) { picker.disabled = row.classList.contains("is-closed"); picker.checked = picked && !picker.disabled; }
  if (changed) { here.classList.remove("arrive"); void here.offsetWidth; here.classList.add("arrive"); }
}

function announce(fresh, unseen, size, moved) {
  const button = newbar.querySelector("button");
  waiting = unseen || (moved && firstPage) ? fresh : null;
  newbar.hidden = waiting === null;
  if (!waiting) return;
  const text = unseen ? (unseen >= size && size >= 50 ? button.dataset.more : button.dataset.text) : button.dataset.moved;
  const told = text.replace("{n}", unseen);
  if (button.textContent !== told) { button.textContent = told; if (unseen) say(told); }
}

newbar.querySelector("button").addEventListener("click", () => {
  if (!waiting) return;
  const picked = new Set([...form.querySelectorAll(".picker:checked")].map((box) => box.value));
  const before = new Set(rows().map((row) => row.dataset.id));
  const current = form.querySelector("tr.current")?.dataset.id;
  for (const id of ["queue", "pager"]) {
    const there = waiting.getElementById(id);
    if (there) document.getElementById(id).replaceChildren(...there.childNodes);
  }
  for (const row of rows()) {
    if (!before.has(row.dataset.id)) row.classList.add("arrive");
    if (row.dataset.id === current) row.classList.add("current");
    const box = row.querySelector(".picker");
    if (box && picked.has(box.value) && !box.disabled) box.checked = true;
  }
  waiting = null;
  newbar.hidden = true;
  prepare();
  fetch("/api/alerts/looked", { method: "POST", headers: { "X-CSRF-Token": document.body.dataset.csrf } });
});

// The stream is open only while the page is looked at: a browser has six connections to a server for all its tabs.
let stream = null;
let over = false;
let known = form.dataset.change; // the state this page was made from

function listen() {
  if (stream || over || document.hidden || !window.EventSource) return;
  stream = new EventSource("/api/alerts/stream");
  stream.addEventListener("changed", (event) => {
    if (event.data === known) return;
    known = event.data;
    refresh();
  });
  stream.addEventListener("bye", ended);
}

function hangUp() {
  stream?.close();
  stream = null;
}

function ended() {
  over = true;
  document.getElementById("ended").hidden = false;
  hangUp();
}

document.addEventListener("visibilitychange", () => { if (document.hidden) hangUp(); else { listen(); refresh(); } });
window.addEventListener("pagehide", hangUp);
window.addEventListener("pageshow", (event) => { if (event.persisted) { listen(); refresh(); } });
listen();
setInterval(() => { if (!document.hidden && !over && Date.now() - fetchedAt > REFRESH_AT_LEAST) refresh(); }, 5000);

// ------------------------------------------------------------------------------------------------ selection and keys
const picked = () => [...form.querySelectorAll(".picker:checked")];

function prepare() {
  const unpick = document.getElementById("unpick");
  if (unpick) unpick.hidden = false;
  window.secopsOffer();
  count();
}

function count() {
  const label = document.getElementById("picked");
  if (label) label.textContent = label.dataset.text.replace("{n}", picked().length);
}

form.addEventListener("change", count);
document.addEventListener("click", (event) => {
  if (event.target.closest("#unpick")) { for (const box of picked()) box.checked = false; count(); }
});

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("current"));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  if (at >= 0) all[at].classList.remove("current");
  next.classList.add("current");
  next.querySelector(".title a").focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

form.addEventListener("focusin", (event) => {
  const row = event.target.closest("tr[data-id]");
  if (!row) return;
  for (const other of form.querySelectorAll("tr.current")) if (other !== row) other.classList.remove("current");
  row.classList.add("current");
});

async function assign(ids) {
  const answer = await fetch("/api/alerts/assign", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
    body: JSON.stringify({ ids: ids.map(Number) }),
  });
  if (!answer.ok) {
    const told = await answer.json().catch(() => null);
    say(told?.error?.detail || told?.error?.title || String(answer.status));
    spoken.className = "notice bad";
    return;
  }
  spoken.className = "visually-hidden";
  for (const box of picked()) box.checked = false;
  count();
  say(spoken.dataset.taken.replace("{n}", (await answer.json()).changed));
  refresh();
}

document.addEventListener("keydown", (event) => {
  if (window.secopsTyping(event)) return;
  const row = form.querySelector("tr.current");
  const ids = picked().length ? picked().map((box) => box.value) : row ? [row.dataset.id] : [];
  const may = form.dataset.may === "1";
  const act = {
    j: () => move(1),
    k: () => move(-1),
    Enter: () => { if (row && !event.target.closest("a, button, summary, label")) row.querySelector(".title a").click(); else return false; },
    x: () => { const box = row?.querySelector(".picker:not(:disabled)"); if (box) { box.checked = !box.checked; count(); } },
    a: () => { if (may && ids.length) assign(ids); },
    u: () => { const undo = document.querySelector("#undo form"); if (may && undo) undo.requestSubmit(); else return false; },
    c: () => {
      const panel = document.getElementById("bulk-close");
      if (!may || !panel || !ids.length) return;
      if (!picked().length) { const box = row.querySelector(".picker"); if (box.disabled) return; box.checked = true; count(); }
      panel.open = true;
      panel.querySelector("input[type=radio]").focus();
    },
  }[event.key];
  if (act && act() !== false) event.preventDefault();
});

for (const select of document.querySelectorAll("#narrow select")) select.addEventListener("change", () => select.form.requestSubmit());
prepare();
