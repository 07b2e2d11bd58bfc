// The console works without this: it writes times in the reader's zone, keeps a form from being sent twice and looks again at work under way.
"use strict";
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) {
    time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", () => {
    setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; }, 0);
  });
}
window.addEventListener("pageshow", () => { for (const button of document.querySelectorAll("button")) button.disabled = false; });
const again = document.querySelector("[data-again]");
if (again) setTimeout(() => location.replace(location.pathname), 1000 * Number(again.dataset.again));
