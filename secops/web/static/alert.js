// Keys on the page of one alert: a takes it, u takes that back, c opens the closing form, Escape goes back to the queue.
"use strict";

document.addEventListener("keydown", (event) => {
  if (window.secopsTyping(event)) return;
  if (event.key === "a") document.getElementById("take")?.click();
  if (event.key === "u") document.getElementById("undo")?.requestSubmit();
  if (event.key === "c") {
    const panel = document.getElementById("close");
    if (!panel) return;
    event.preventDefault();
    panel.open = true;
    panel.querySelector("input[type=radio]").focus();
  }
});
