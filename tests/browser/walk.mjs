// Walks the console in a real browser as each role. Called by tests/it/browser.rs with the addresses, keys and records as JSON in WALK.
//
// Whatever is wrong is printed, one line each, and the exit code is 1: an axe-core violation, a request to another host, an error in the
// page's console, a form that a role must not have, an action that does not do what it says. Screenshots go to WALK.shots.
//
// What happens meanwhile is the test's to do: a line `do: …` asks it for a statement on the ledger, or for the ledger to go away and come back.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const walk = JSON.parse(process.env.WALK);
const tools = createRequire(`${walk.tools}/package.json`);
const { default: puppeteer } = await import(tools.resolve("puppeteer-core"));
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(walk.shots, { recursive: true });

const wrong = [];
const check = (right, text) => { if (!right) wrong.push(text); };
const ask = (what) => console.log(`do: ${what}`);
const browser = await puppeteer.launch({
  executablePath: walk.chromium,
  // root cannot have Chromium's sandbox; only this machine's own service is opened
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--force-color-profile=srgb"],
  protocolTimeout: 180000,
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
    const status = /status of (403|401|400|404|422|503)|ERR_INTERNET_DISCONNECTED/.test(message.text());
    if (message.type() === "error" && !status) wrong.push(`${label} ${page.url()}: ${message.text()}`);
  });
  return { page, context };
}

async function accessible(page, label, theme) {
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const shut = [...document.querySelectorAll("details:not([open])")];
    shut.forEach((one) => { one.open = true; });
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    shut.forEach((one) => { one.open = false; });
    return violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
  });
  for (const one of found) wrong.push(`${label} (${theme}): ${one}`);
}

async function shoot(page, name) {
  for (const theme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    for (const [width, size] of [[1280, "wide"], [390, "narrow"]]) {
      await page.setViewport({ width, height: 900 });
      const height = Math.min(await page.evaluate(() => document.documentElement.scrollHeight), 4000);
      await page.screenshot({ path: `${walk.shots}/${name}-${theme}-${size}.png`, clip: { x: 0, y: 0, width, height } });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(overflow <= 1, `${name}: ${size}: the page is ${overflow} pixels wider than the window`);
      const cut = await page.$$eval(".scroll:not(.wide)", (all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.getAttribute("aria-label")));
      check(size === "narrow" || cut.length === 0, `${name}: cut off on a wide screen: ${cut.join(", ")}`);
      // rows that are blocks on a narrow screen hide nothing at its side
      const hidden = await page.$$eval(".scroll:has(> .stacked)", (all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.getAttribute("aria-label")));
      check(hidden.length === 0, `${name}: ${size}: goes on beside the screen: ${hidden.join(", ")}`);
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
  ["runs-filtered", "/runs?kind=poll&outcome=done&since=2020-01-01"],
  ["runs-none", "/runs?until=2020-01-01"],
  ["run", `/runs/${walk.run}`],
  ["run-under-way", `/runs/${walk.under_way}`],
  ["failures", "/failures"],
  ["failures-none", "/failures?text=nobody+ever+said+this"],
  ["cause", `/failures/${walk.cause}`],
  ["cause-doubt", `/failures/${walk.doubt}`],
  ["cause-gone", "/failures/0000000000000000"],
  ["tie-out", "/tie-out"],
  ["tie-out-one", "/tie-out/1?company=EDU1&show=not_tied"],
  ["tie-out-none", "/tie-out?cause=on_hold"],
  ["close", "/close"],
  ["close-none", "/close?state=locked"],
  ["close-period", walk.period],
  ["approvals", "/approvals"],
  ["tasks", "/tasks"],
  ["conflicts", "/conflicts"],
  ["conflicts-closed", "/conflicts?state=closed"],
  ["conflicts-none", "/conflicts?key=nobody"],
  ["backfills", "/backfills"],
  ["backfills-none", "/backfills?state=done&entity=gl_posting"],
  ["records", `/records?prefix=${encodeURIComponent(walk.prefix)}`],
  ["records-filtered", "/records?entity=invoice&state=failed"],
  ["records-none", "/records?prefix=nobody"],
  ["record", walk.record],
  ["record-order", walk.order],
  ["record-sent", `${walk.record}/sent`],
  ["record-unknown", "/records/EDU1/invoice/0000/NONE"],
  ["record-nowhere", "/records/EDU9/invoice/0000"],
  ["doctor", "/doctor"],
  ["audit", "/audit"],
  ["audit-none", "/audit?key=nobody"],
  ["settings", "/settings"],
];
// pages whose list has something in it
const listed = ["overview", "runs", "runs-filtered", "failures", "cause", "tie-out", "close", "close-period", "conflicts", "backfills", "records", "records-filtered", "audit", "settings"];
const auditing = ["auditor", "controller", "admin"];
const reads = { audit: auditing, "audit-none": auditing, settings: ["admin"] };
const missing = ["record-unknown", "record-nowhere"];
const acting = ["overview", "record", "failures", "cause", "run", "tie-out", "close-period", "conflicts", "backfills", "doctor"];
const operates = (role) => ["operator", "admin"].includes(role);
const closes = (role, name) => role === "controller" && (name.startsWith("tie-out") || name === "close-period");

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

for (const role of ["viewer", "auditor", "operator", "controller", "admin"]) {
  const { page, context } = await person(role);
  await signIn(page, walk.keys[role]);
  check(new URL(page.url()).pathname === "/", `${role}: signing in leads to ${page.url()}`);
  for (const [name, path] of pages) {
    const allowed = (reads[name] ?? [role]).includes(role);
    const status = await open(page, path);
    const right = missing.includes(name) ? 404 : 200;
    check(status === (allowed ? right : 403), `${role}: ${path} answers with ${status}`);
    check(await page.$("header.top nav") !== null, `${role}: ${path} has no menu`);
    check((await page.title()).endsWith("Tieline"), `${role}: ${path} has the title ${await page.title()}`);
    const forms = await page.$$eval("main form[method=post]", (all) => all.length);
    check(operates(role) || closes(role, name) || forms === 0, `${role}: ${path} shows ${forms} forms`);
    if (role === "admin" && acting.includes(name)) check(forms > 0, `${role}: ${path} shows no form`);
    // what an admin sees is all there is, what a viewer sees lacks the forms
    if (role === "viewer" || role === "admin") await accessible(page, `${role} ${name}`, "dark");
    if (role === "admin") {
      await accessible(page, `${role} ${name}`, "light");
      await shoot(page, name);
    }
    // each list leads to its files, with the filter of the page
    if (allowed && listed.includes(name)) {
      const files = await page.$$eval("main a[download]", (all) => all.map((one) => one.href));
      for (const form of [".csv", ".xlsx"]) check(files.some((file) => new URL(file).pathname.endsWith(form)), `${role}: ${path} has no link to a ${form} file`);
      const query = new URL(page.url()).search;
      for (const file of files) {
        check(query === "" || new URL(file).search !== "", `${role}: ${path}: ${file} forgets the filter`);
        const found = await page.evaluate(async (file) => {
          const answer = await fetch(file);
          return [answer.status, answer.headers.get("content-disposition") ?? "", (await answer.arrayBuffer()).byteLength];
        }, file);
        check(found[0] === 200 && found[1].startsWith("attachment") && found[2] > 0, `${role}: ${path}: ${file} answers with ${found}`);
      }
    }
    if (name.endsWith("-none") && allowed) check(await page.$(".empty a") !== null, `${role}: ${path}: nothing found, and no way to clear the filter`);
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

  // it is held back and released
  for (const action of ["hold", "release"]) {
    await open(page, walk.record);
    const button = await page.$(`main button[formaction="/${action}"]`);
    check(button !== null, `operator: no button to ${action} a record`);
    if (button === null) continue;
    await page.evaluate((one) => { one.form.elements.why.value = "in dispute"; }, button);
    await Promise.all([page.waitForNavigation(), button.evaluate((one) => one.click())]);
    check((await notice()).length > 0, `operator: nothing is said after ${action}: ${page.url()}`);
    if (action === "hold") await accessible(page, "a record on hold", "light");
  }

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

  // one cause, with the keyboard: a chosen record, then all of them
  const cause = `/failures/${walk.cause}`;
  await open(page, cause);
  await tabTo(page, /^INPUT\|keys\|/, "cause");
  await page.keyboard.press("Space");
  check((await page.$eval("button[value=chosen]", (one) => one.textContent)).endsWith("(1)"), "operator: the button does not say that one is chosen");
  await tabTo(page, /^INPUT\|why\|/, "cause");
  await page.keyboard.type("this one first");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  check((await notice()).length > 0, `operator: nothing is said after sending a chosen record again: ${page.url()}`);
  ask(`chosen`);
  await open(page, cause);
  await page.$eval("input[data-all]", (one) => one.click());
  const boxes = await page.$$eval("input[name=keys]", (all) => all.filter((one) => one.checked).length);
  check(boxes > 0 && boxes === (await page.$$("input[name=keys]")).length, "operator: one box does not choose all");
  await page.$$eval("input[name=keys]", (all) => all.forEach((one) => { one.checked = false; }));
  await page.$eval("main form[action='/replay'] input[name=why]", (one) => { one.value = "none chosen"; });
  await Promise.all([page.waitForNavigation(), page.$eval("button[value=chosen]", (one) => one.click())]);
  check((await page.$eval("main", (one) => one.textContent)).includes("no record is selected"), "operator: a form without a choice sends something");
  await accessible(page, "nothing chosen", "light");
  await shoot(page, "refused");
  await open(page, cause);
  await page.$eval("main form[action='/replay'] input[name=why]", (one) => { one.value = "all of the cause"; });
  await Promise.all([page.waitForNavigation(), page.$eval("button[value=cause]", (one) => one.click())]);
  check((await notice()).length > 0, "operator: nothing is said after sending a cause again");

  // everything that failed, and what a run read anew
  for (const [path, words] of [["/failures?entity=invoice", "Send all of these records again"], [`/runs/${walk.run}`, "Send again"]]) {
    await open(page, path);
    const button = await page.evaluateHandle((words) => [...document.querySelectorAll("main button")].find((one) => one.textContent.trim() === words) ?? null, words);
    const there = await button.evaluate((one) => one !== null);
    check(there, `operator: ${path} has no button \`${words}\``);
    if (!there) continue;
    await button.evaluate((one) => { one.form.elements.why.value = "a walk"; });
    await Promise.all([page.waitForNavigation(), button.evaluate((one) => one.click())]);
    check((await notice()).length > 0, `operator: nothing is said after ${words}: ${page.url()}`);
  }

  // a backfill is asked for, and one is cancelled
  await open(page, "/backfills");
  await page.evaluate(() => {
    const form = document.querySelector("main form[action='/backfills']");
    form.closest("details").open = true;
    form.elements.entity.value = "supplier";
    form.elements.since.value = "2026-01-01";
    form.elements.why.value = "a walk";
  });
  await shoot(page, "backfill-asked");
  await Promise.all([page.waitForNavigation(), page.$eval("main form[action='/backfills'] button", (one) => one.click())]);
  check((await notice()).length > 0, `operator: nothing is said after a backfill: ${page.url()}`);
  const cancel = await page.$(`main form[action="/backfills/${walk.backfill}/cancel"]`);
  check(cancel !== null, "operator: an open backfill cannot be cancelled");
  if (cancel !== null) {
    await cancel.evaluate((one) => { one.closest("details").open = true; one.elements.why.value = "a walk"; });
    await Promise.all([page.waitForNavigation(), cancel.$eval("button", (one) => one.click())]);
    check((await notice()).length > 0, `operator: nothing is said after a cancellation: ${page.url()}`);
  }

  // a tie-out is made and followed to its end; an earlier one names what somebody changed in ServiceNow
  await open(page, "/tie-out");
  await page.evaluate(() => {
    const form = document.querySelector("main form[action='/tie-out'][method=post]");
    form.closest("details").open = true;
    form.elements.entity.value = "invoice";
    form.elements.why.value = "month end";
  });
  await shoot(page, "tie-out-asked");
  await Promise.all([page.waitForNavigation(), page.$eval("main form[action='/tie-out'][method=post] button", (one) => one.click())]);
  check((await notice()).includes("has started"), `operator: nothing is said after a tie-out: ${page.url()}`);
  const tied = await page.waitForFunction(() => document.querySelector("[data-live] tbody tr .state")?.textContent === "done" && document.querySelector("[data-live] tbody tr a").textContent.trim() === "Tie-out 2", { timeout: 120000 }).catch(() => null);
  check(tied !== null, "operator: the end of a tie-out is not seen");
  await Promise.all([page.waitForNavigation(), page.$eval("[data-live] tbody tr a", (one) => one.click())]);
  // the walk has sent the changed record again since: the first tie-out still names it
  await open(page, "/tie-out/1");
  const found = await page.$$eval("[aria-label=Differences] tbody tr", (all) => all.map((one) => one.textContent));
  const planted = found.find((text) => text.includes(walk.differs.value)) ?? "";
  check(planted.includes(walk.differs.record) && planted.includes("changed in ServiceNow") && planted.includes("ask who changed the row"), `operator: the difference is not named: ${found.join(" | ")}`);
  check((await page.$$eval("[aria-label=Sums] .state.bad", (all) => all.length)) > 0, "operator: no sum is untied");

  // a filter is chosen, kept from page to page and cleared; its days are the reader's
  await page.emulateTimezone("Africa/Johannesburg");
  await open(page, "/runs");
  await page.select("form.filter select[name=kind]", "poll");
  await page.$eval("form.filter input[name=since]", (one) => { one.value = "2026-02-01"; });
  await page.$eval("form.filter input[name=until]", (one) => { one.value = "2026-02-28"; });
  await Promise.all([page.waitForNavigation(), page.$eval("form.filter button", (one) => one.click())]);
  const asked = new URL(page.url()).searchParams;
  check(asked.get("since") === "2026-01-31T22:00:00.000Z" && asked.get("until") === "2026-02-28T22:00:00.000Z", `the days of a filter are not the reader's: ${page.url()}`);
  check(!asked.has("company") && asked.get("kind") === "poll", `a filter's address: ${page.url()}`);
  const days = await page.$$eval("form.filter input[type=date]", (all) => all.map((one) => one.value).join());
  check(days === "2026-02-01,2026-02-28", `a filter forgets its days: ${days}`);
  await Promise.all([page.waitForNavigation(), page.$eval("form.filter a", (one) => one.click())]);
  check(page.url() === `${walk.base}/runs`, `a filter is not cleared: ${page.url()}`);

  // what is under way is followed without loading the page again, until nothing is
  await open(page, "/runs");
  await page.evaluate(() => { window.same = true; });
  check(await page.$("[data-busy]") !== null, "operator: nothing is under way");
  ask(`UPDATE run SET read = 471147 WHERE id = '${walk.under_way}'`);
  const seen = await page.waitForFunction(() => document.body.textContent.includes("471,147"), { timeout: 30000 }).catch(() => null);
  check(seen !== null && await page.evaluate(() => window.same === true), "operator: a run's progress is not followed");
  ask(`UPDATE run SET ended_at = now(), outcome = 'done' WHERE id = '${walk.under_way}'`);
  const ended = await page.waitForFunction(() => document.querySelector(".say").textContent.includes("Nothing is running"), { timeout: 30000 }).catch(() => null);
  check(ended !== null && await page.$("[data-busy]") === null, "operator: the end of a run is not seen");

  // with nothing under way an open page goes on asking, says how old it is, turns grey when nothing answers, and recovers
  const quick = () => page.evaluate(() => {
    window.same = true;
    Object.assign(document.querySelector("[data-live]").dataset, { every: "1", idle: "1", old: "3" });
  });
  for (const [path, change, seen] of [
    ["/", "UPDATE flow SET paused_at = now(), paused_by = 'somebody who checked' WHERE company = 'EDU1' AND entity = 'supplier'", "somebody who checked"],
    ["/runs", `UPDATE run SET read = 471149 WHERE id = '${walk.under_way}'`, "471,149"],
    [`/runs/${walk.under_way}`, `UPDATE run SET read = 471150 WHERE id = '${walk.under_way}'`, "471,150"],
    ["/failures", "INSERT INTO pending (delivery_id, document_id, company, entity, version, block, record_key, own_state, reason, message) SELECT l.id, l.document_id, d.company, d.entity, l.version, l.block, l.record_key, 'failed', 'rejected', 'refused while somebody looked' FROM delivery l JOIN document d ON d.id = l.document_id WHERE d.entity = 'cost_center' ORDER BY l.id LIMIT 1", "refused while somebody looked"],
  ]) {
    await open(page, path);
    check(await page.$("[data-busy]") === null, `operator: something is under way on ${path}`);
    check(/updated \d+ s ago/.test(await page.$eval(".age", (one) => one.textContent)), `operator: ${path} does not say how old it is`);
    await quick();
    ask(change);
    const fresh = await page.waitForFunction((seen) => document.body.textContent.includes(seen), { timeout: 30000 }, seen).catch(() => null);
    check(fresh !== null && await page.evaluate(() => window.same === true), `operator: ${path} is not refreshed when nothing is under way`);
  }
  ask("UPDATE flow SET paused_at = NULL, paused_by = NULL WHERE company = 'EDU1' AND entity = 'supplier'");
  await open(page, "/");
  await quick();
  await page.setOfflineMode(true);
  const grey = await page.waitForFunction(() => document.querySelector("[data-live].old") !== null, { timeout: 30000 }).catch(() => null);
  check(grey !== null && (await page.$eval(".say", (one) => one.textContent)).includes("does not answer"), "operator: an overview that is not answered seems current");
  for (const theme of ["light", "dark"]) await accessible(page, "overview, old", theme);
  await shoot(page, "overview-old");
  await page.setOfflineMode(false);
  const back = await page.waitForFunction(() => document.querySelector("[data-live].old") === null && document.querySelector(".say").textContent === "", { timeout: 90000 }).catch(() => null);
  check(back !== null, "operator: an overview that is answered again still seems old");
  // a mistyped address is a page for a person, with the menu
  check(await open(page, "/failurs") === 404 && (await page.$("nav a[href='/failures']")) !== null, "operator: an address that there is not gives no page");
  check((await page.evaluate(() => document.body.textContent)).includes("/failurs"), "operator: the page does not name the address that there is not");
  await open(page, "/");
  await quick();
  // a service that hangs: the request is neither answered nor refused
  await page.evaluate(() => {
    document.querySelector("[data-live]").dataset.patience = "1";
    const real = window.fetch;
    window.fetch = (_, { signal } = {}) => new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(signal.reason)));
    window.answered = () => { window.fetch = real; };
  });
  const hung = await page.waitForFunction(() => document.querySelector("[data-live].old") !== null && document.querySelector(".say").textContent.includes("does not answer"), { timeout: 30000 }).catch(() => null);
  check(hung !== null, "operator: an overview whose service hangs does not say that Tieline does not answer");
  await page.evaluate(() => window.answered());
  ask(`UPDATE run SET ended_at = NULL, outcome = NULL WHERE id = '${walk.under_way}'`);

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

  // diagnostics run; the page loads again by itself until that has ended
  await open(page, "/doctor");
  await page.$eval("main form[action='/doctor'] input[name=why]", (one) => { one.value = "a walk"; });
  await Promise.all([page.waitForNavigation(), page.$eval("main form[action='/doctor'] button", (one) => one.click())]);
  check((await notice()).length > 0, "operator: nothing is said after diagnostics were started");
  await page.screenshot({ path: `${walk.shots}/doctor-running.png`, fullPage: true });
  await page.waitForSelector("main form[action='/doctor']", { timeout: 60000 });
  check((await page.$$("table.findings tbody tr")).length > 10, "operator: the diagnostics found next to nothing");
  for (const theme of ["light", "dark"]) await accessible(page, "doctor, examined", theme);
  await shoot(page, "doctor-examined");

  // without a script every page says the same
  await page.setJavaScriptEnabled(false);
  for (const [name, path] of pages.filter(([name]) => !(name in reads))) {
    check((await open(page, path)) === (missing.includes(name) ? 404 : 200), `operator, without scripts: ${name}`);
  }
  await open(page, "/runs");
  check((await page.$eval("main", (one) => one.textContent)).includes("Scripts are off"), "without scripts the page does not say how old it is");
  await page.screenshot({ path: `${walk.shots}/runs-no-script.png`, fullPage: true });
  await page.setJavaScriptEnabled(true);

  // print
  await open(page, walk.record);
  await page.emulateMediaType("print");
  check(await page.$eval("header.top", (one) => getComputedStyle(one).display) === "none", "print: the menu is printed");
  await page.screenshot({ path: `${walk.shots}/record-print.png`, fullPage: true });
  await open(page, "/failures");
  await page.screenshot({ path: `${walk.shots}/failures-print.png`, fullPage: true });
  await open(page, "/tie-out");
  await page.screenshot({ path: `${walk.shots}/tie-out-print.png`, fullPage: true });
  await page.emulateMediaType("screen");

  // signed out is signed out
  await open(page, "/");
  await Promise.all([page.waitForNavigation(), page.$eval("form.who button", (one) => one.click())]);
  await open(page, "/");
  check(page.url().includes("/sign-in"), "operator: still signed in after signing out");
  await context.close();
}

// the ledger goes away and comes back
{
  const { page, context } = await person("viewer");
  await signIn(page, walk.keys.viewer);
  ask("away");
  let status = 200;
  for (let tries = 0; status !== 503 && tries < 60; tries += 1) status = await open(page, "/runs");
  check(status === 503 && await page.$("[data-retry]") !== null, `the ledger is away: ${status}`);
  await accessible(page, "away", "light");
  await accessible(page, "away", "dark");
  await shoot(page, "away");
  ask("back");
  const again = await page.waitForFunction(() => document.querySelector("form.filter") !== null, { timeout: 60000 }).catch(() => null);
  check(again !== null, "the ledger is back, and the page is not");
  await context.close();
}

await browser.close();
for (const text of wrong) console.log(text);
process.exit(wrong.length === 0 ? 0 : 1);
