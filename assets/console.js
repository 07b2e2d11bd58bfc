// The console works without this. It writes times in the reader's zone, keeps a form from being sent twice, takes days of a filter for days
// in that zone, helps to choose many rows, and keeps what an open page shows up to date.
"use strict";

const all = (root, what) => root.querySelectorAll(what);

// Times and days as the reader writes them; the title keeps the instant.
function times(root) {
  for (const time of all(root, "time[datetime]")) {
    const day = time.classList.contains("date");
    const at = new Date(day ? time.dateTime + "T00:00:00Z" : time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = day
      ? at.toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" })
      : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

// Days of a filter: the reader's own, sent as the instants between which they lie.
const two = (number) => String(number).padStart(2, "0");
const dayOf = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
for (const field of all(document, "input[type=date][data-instant]")) {
  const last = field.name === "until";
  if (field.dataset.instant) field.value = dayOf(new Date(new Date(field.dataset.instant).getTime() - (last ? 1 : 0)));
  const zone = field.closest("label").querySelector(".zone");
  if (zone) zone.textContent = "";
  const name = field.name;
  field.form.addEventListener("submit", () => {
    if (!field.value) return;
    const [year, month, day] = field.value.split("-").map(Number);
    const instant = document.createElement("input");
    instant.type = "hidden";
    instant.name = name;
    instant.value = new Date(year, month - 1, day + (last ? 1 : 0)).toISOString();
    instant.className = "instant";
    field.removeAttribute("name");
    field.form.append(instant);
  });
}
// an empty field says nothing in an address
for (const form of all(document, "form.filter[method=get]")) {
  form.addEventListener("submit", () => {
    for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
  });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  setTimeout(() => { for (const button of all(form, "button")) button.disabled = true; }, 0);
});
// back from another page: forms as they were
window.addEventListener("pageshow", () => {
  for (const field of all(document, "form :disabled")) field.disabled = false;
  for (const instant of all(document, "input.instant")) instant.remove();
  for (const field of all(document, "input[type=date][data-instant]:not([name])")) field.setAttribute("name", field.closest("label").textContent.trim() === "To" ? "until" : "since");
  for (const form of all(document, "form")) chosen(form);
});

// Many rows: one box for all of them, and buttons that say how many are chosen.
function chosen(form) {
  for (const button of all(form, "button[data-chosen]")) {
    const number = all(form, `input[name=${button.dataset.chosen}]:checked`).length;
    button.dataset.words ??= button.textContent;
    button.textContent = number === 0 ? button.dataset.words : `${button.dataset.words} (${number})`;
  }
}
document.addEventListener("change", (event) => {
  const box = event.target;
  const form = box.form;
  if (!form) return;
  if (box.dataset.all) for (const one of all(form, `input[name=${box.dataset.all}]`)) one.checked = box.checked;
  chosen(form);
});

// The part of a page that changes is asked for again and again while somebody reads it: often while something is under way, less often otherwise.
// It says how old it is, and turns grey when it is old. `data-every`, `data-idle`,
// `data-old` and `data-patience` (how long an answer is waited for) on the part change the seconds.
const EVERY = 3;
const IDLE = 20;
const OLD = 60;
const PATIENCE = 30;
function ago(seconds) {
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}
function follow(live) {
  const say = live.parentElement.querySelector(".say");
  const seconds = (name, usual) => Number(live.dataset[name] ?? usual);
  const busy = () => live.querySelector("[data-busy]") !== null;
  // whoever writes into a form, or has one open, is not disturbed
  const inUse = () => live.querySelector("details[open]") !== null || (live.contains(document.activeElement) && document.activeElement.matches("input, select, button, summary"));
  let updated = Date.now();
  let asked = updated;
  let failed = 0;
  let asking = false;
  let signedOut = false;
  function show(text) {
    const held = live.contains(document.activeElement) ? document.activeElement : null;
    const name = held && ["href", "aria-label"].map((which) => held.hasAttribute(which) ? `[${which}="${CSS.escape(held.getAttribute(which))}"]` : "").find(Boolean);
    const places = [...all(live, ".scroll")].map((one) => one.scrollLeft);
    live.innerHTML = text;
    times(live);
    all(live, ".scroll").forEach((one, at) => { one.scrollLeft = places[at] ?? 0; });
    if (name) live.querySelector(name)?.focus({ preventScroll: true });
  }
  function age() {
    const old = Math.max(0, Math.round((Date.now() - updated) / 1000));
    const words = live.querySelector(".age");
    if (words) words.textContent = ` · updated ${ago(old)}${inUse() && !signedOut ? ", not refreshed while a form is open" : ""}`;
    live.classList.toggle("old", signedOut || old > seconds("old", OLD));
  }
  async function ask() {
    const was = busy();
    asking = true;
    try {
      // a service that hangs neither answers nor refuses
      const answer = await fetch(live.dataset.live, { redirect: "manual", signal: AbortSignal.timeout(1000 * seconds("patience", PATIENCE)) });
      if (answer.type === "opaqueredirect") {
        signedOut = true;
        say.textContent = "You are signed out, and this page is no longer updated. Load the page again to sign in.";
        return age();
      }
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      failed = 0;
      if (!inUse()) {
        show(text);
        updated = Date.now();
      }
      say.textContent = was && !busy() ? "Nothing is running now." : "";
    } catch {
      failed += 1;
      say.textContent = "Tieline does not answer. This page may be old. It reloads automatically.";
    }
    asking = false;
    asked = Date.now();
    age();
  }
  const wait = () => {
    const usual = busy() ? seconds("every", EVERY) : seconds("idle", IDLE);
    return failed > 0 ? Math.min(60, usual * 2 ** failed) : usual;
  };
  function tick() {
    if (signedOut || document.hidden) return;
    age();
    if (!asking && !inUse() && Date.now() - asked >= 1000 * wait()) ask();
  }
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  age();
}

// Something does not answer: ask again, and load the page when it does.
function retry() {
  setTimeout(async () => {
    const answer = document.hidden ? null : await fetch(location.href, { redirect: "manual" }).catch(() => null);
    if (answer !== null && answer.status !== 503 && answer.status !== 404) location.reload();
    else retry();
  }, 5000);
}

document.documentElement.classList.add("with-script");
times(document);
for (const live of all(document, "[data-live]")) follow(live);
if (document.querySelector("[data-retry]")) retry();
const again = document.querySelector("[data-again]");
if (again) setTimeout(() => location.replace(location.pathname), 1000 * Number(again.dataset.again));
