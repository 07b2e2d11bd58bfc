// Walks the console in a real browser as each role. Called by tests/it/browser.rs with the addresses, keys and records as JSON in WALK.
//
// Whatever is wrong is printed, one line each, and the exit code is 1: an axe-core violation, a request to another host, an error in the
// page's console, a form that a role must not have, an action that does not do what it says. Screenshots go to WALK.shots.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const walk = JSON.parse(process.env.WALK);
const tools = createRequire(`${walk.tools}/package.json`);
const { default: puppeteer } = await import(tools.resolve("puppeteer-core"));
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(walk.shots, { recursive: true });

const wrong = [];
const check = (right, text) => { if (!right) wrong.push(text); };
const browser = await puppeteer.launch({
  executablePath: walk.chromium,
  // root cannot have Chromium's sandbox; only this machine's own service is opened
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"],
  protocolTimeout: 60000,
});

// A fresh person: cookies of its own, every request and complaint noted.
async function person(label) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  page.on("request", (request) => {
    const url = new URL(request.url());
    check(url.origin === walk.base || url.protocol === "data:", `${label}: a request to another host: ${url.origin}`);
  });
  page.on("pageerror", (error) => wrong.push(`${label} ${page.url()}: ${error.message}`));
  page.on("console", (message) => {
    // a page that is refused says so by its status, which the browser notes
    const status = /status of (403|401|400)/.test(message.text());
    if (message.type() === "error" && !status) wrong.push(`${label} ${page.url()}: ${message.text()}`);
  });
  return { page, context };
}

async function accessible(page, label, theme) {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
  });
  for (const one of found) wrong.push(`${label} (${theme}): ${one}`);
}

async function shoot(page, name) {
  for (const theme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    for (const [width, size] of [[1280, "wide"], [390, "narrow"]]) {
      await page.setViewport({ width, height: 900 });
      await page.screenshot({ path: `${walk.shots}/${name}-${theme}-${size}.png`, fullPage: true });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(overflow <= 1, `${name}: ${size}: the page is ${overflow} pixels wider than the window`);
      const cut = await page.$$eval(".scroll", (all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.getAttribute("aria-label")));
      check(size === "narrow" || cut.length === 0, `${name}: cut off on a wide screen: ${cut.join(", ")}`);
    }
  }
  await page.setViewport({ width: 1280, height: 900 });
}

async function open(page, path) {
  const answer = await page.goto(walk.base + path, { waitUntil: "load" });
  return answer.status();
}

async function focused(page) {
  return page.evaluate(() => {
    const one = document.activeElement;
    return [one.tagName, one.getAttribute("name") ?? "", (one.textContent ?? "").trim()].join("|");
  });
}

// Goes on with the Tab key until what is focused fits, as somebody without a mouse does.
async function tabTo(page, wanted, label) {
  for (let steps = 0; steps < 80; steps += 1) {
    if (wanted.test(await focused(page))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${label}: the keyboard does not reach ${wanted}; last was ${await focused(page)}`);
}

async function signIn(page, key) {
  await open(page, "/sign-in");
  await tabTo(page, /^INPUT\|key\|/, "sign-in");
  await page.keyboard.type(key);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

const pages = [
  ["overview", "/"],
  ["runs", "/runs"],
  ["failures", "/failures"],
  ["conflicts", "/conflicts"],
  ["records", `/records?prefix=${encodeURIComponent(walk.prefix)}`],
  ["record", walk.record],
  ["doctor", "/doctor"],
  ["audit", "/audit"],
  ["settings", "/settings"],
];
const reads = { audit: ["auditor", "admin"], settings: ["admin"] };
const operates = (role) => ["operator", "admin"].includes(role);

// whoever is not signed in
{
  const { page, context } = await person("nobody");
  await open(page, "/runs");
  check(page.url().startsWith(`${walk.base}/sign-in`), `nobody: /runs leads to ${page.url()}`);
  for (const theme of ["light", "dark"]) await accessible(page, "sign-in", theme);
  await shoot(page, "sign-in");
  await signIn(page, "tl_00000000_nonsense");
  check(await page.$("[role=alert]") !== null, "nobody: a wrong key is not told of");
  await accessible(page, "sign-in refused", "light");
  await context.close();
}

for (const role of ["viewer", "auditor", "operator", "admin"]) {
  const { page, context } = await person(role);
  await signIn(page, walk.keys[role]);
  check(new URL(page.url()).pathname === "/", `${role}: signing in leads to ${page.url()}`);
  for (const [name, path] of pages) {
    const allowed = (reads[name] ?? [role]).includes(role);
    const status = await open(page, path);
    check(status === (allowed ? 200 : 403), `${role}: ${path} answers with ${status}`);
    check((await page.title()).endsWith("Tieline"), `${role}: ${path} has the title ${await page.title()}`);
    const forms = await page.$$eval("main form[method=post]", (all) => all.length);
    check(operates(role) || forms === 0, `${role}: ${path} shows ${forms} forms`);
    if (role === "admin" && ["overview", "record", "failures", "doctor"].includes(name)) check(forms > 0, `${role}: ${path} shows no form`);
    await accessible(page, `${role} ${name}`, role === "viewer" ? "dark" : "light");
    if (role === "admin") {
      await accessible(page, `${role} ${name}`, "dark");
      await shoot(page, name);
    }
    // times are written in the reader's zone, with the instant on hover
    const times = await page.$$eval("time", (all) => all.filter((one) => !(one.title && one.dateTime)).length);
    check(times === 0, `${role}: ${path}: ${times} times without their instant`);
  }
  await context.close();
}

// the operator acts
{
  const { page, context } = await person("operator");
  await signIn(page, walk.keys.operator);
  const notice = async () => page.$eval("[role=status]", (one) => one.textContent).catch(() => "");

  // with the keyboard alone: a record is sent again
  await open(page, walk.record);
  await tabTo(page, /^INPUT\|why\|/, "record");
  await page.keyboard.type("the period was opened");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check((await notice()).length > 0, "operator: nothing is said after a replay");
  await accessible(page, "after a replay", "light");

  // a flow is paused, resumed and run
  for (const action of ["pause", "resume", "run"]) {
    await open(page, "/");
    const button = await page.$(`button[formaction="/flows/EDU1/supplier/${action}"]`);
    check(button !== null, `operator: no button to ${action} a flow`);
    if (button === null) continue;
    await page.evaluate((one) => { one.closest("details").open = true; one.form.elements.why.value = "a walk"; }, button);
    await Promise.all([page.waitForNavigation(), button.evaluate((one) => one.click())]);
    check((await notice()).length > 0, `operator: nothing is said after ${action}: ${page.url()}`);
  }

  // every failed record of a flow
  await open(page, "/failures");
  const all = await page.$("main form[action='/replay']");
  check(all !== null, "operator: the failures have no button");
  if (all !== null) {
    await all.$eval("input[name=why]", (one) => { one.value = "all of them"; });
    await Promise.all([page.waitForNavigation(), all.$eval("button", (one) => one.click())]);
    check((await notice()).length > 0, "operator: nothing is said after sending failures again");
  }

  // a conflict is decided
  await open(page, "/conflicts");
  const box = await page.$("main input[name=id]");
  check(box !== null, "operator: no conflict can be chosen");
  if (box !== null) {
    const form = await page.evaluateHandle((one) => one.form, box);
    await box.evaluate((one) => { one.checked = true; });
    await form.evaluate((one) => {
      one.elements.why.value = "agreed with finance";
      const take = [...one.querySelectorAll("[name=take]")].find((choice) => choice.value === "syspro");
      if (take.type === "radio") take.checked = true;
    });
    const submit = await page.evaluateHandle((one) => one.querySelector("button[name=take][value=syspro]") ?? one.querySelector("button"), form);
    await Promise.all([page.waitForNavigation(), submit.evaluate((one) => one.click())]);
    check((await notice()).length > 0, `operator: nothing is said after a decision: ${page.url()}`);
  }

  // both systems are examined; the page looks again by itself until that has ended
  await open(page, "/doctor");
  await page.$eval("main form[action='/doctor'] input[name=why]", (one) => { one.value = "a walk"; });
  await Promise.all([page.waitForNavigation(), page.$eval("main form[action='/doctor'] button", (one) => one.click())]);
  check((await notice()).length > 0, "operator: nothing is said after an examination was begun");
  await page.screenshot({ path: `${walk.shots}/doctor-running.png`, fullPage: true });
  await page.waitForSelector("main form[action='/doctor']", { timeout: 60000 });
  check((await page.$$("table.findings tbody tr")).length > 10, "operator: the examination found next to nothing");
  for (const theme of ["light", "dark"]) await accessible(page, "doctor, examined", theme);
  await shoot(page, "doctor-examined");

  // without a script every page says the same
  await page.setJavaScriptEnabled(false);
  for (const [name, path] of pages.filter(([name]) => !(name in reads))) {
    check((await open(page, path)) === 200, `operator, without scripts: ${name}`);
  }
  await page.setJavaScriptEnabled(true);

  // print
  await open(page, walk.record);
  await page.emulateMediaType("print");
  check(await page.$eval("header.top", (one) => getComputedStyle(one).display) === "none", "print: the menu is printed");
  await page.screenshot({ path: `${walk.shots}/record-print.png`, fullPage: true });
  await page.emulateMediaType("screen");

  // signed out is signed out
  await open(page, "/");
  await Promise.all([page.waitForNavigation(), page.$eval("form.who button", (one) => one.click())]);
  await open(page, "/");
  check(page.url().includes("/sign-in"), "operator: still signed in after signing out");
  await context.close();
}

await browser.close();
for (const text of wrong) console.log(text);
process.exit(wrong.length === 0 ? 0 : 1);
