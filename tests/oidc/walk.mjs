// Signs in to the console through an OpenID provider in a real browser, and out of both. Called by tests/it/oidc.rs with JSON in WALK. The
// console and the provider are two sites for the browser, so that it keeps back cookies that are for one site alone.
//
// Whatever is wrong is printed, and the exit code is 1.

import { createRequire } from "node:module";

const walk = JSON.parse(process.env.WALK);
const tools = createRequire(`${walk.tools}/package.json`);
const { default: puppeteer } = await import(tools.resolve("puppeteer-core"));

const wrong = [];
const check = (right, text) => { if (!right) wrong.push(text); };
const browser = await puppeteer.launch({
  executablePath: walk.chromium,
  // root cannot have Chromium's sandbox; only this machine's own services are opened
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  protocolTimeout: 180000,
});
const page = await browser.newPage();
page.setDefaultTimeout(60000);
page.on("console", (message) => {
  if (message.type() === "error" && page.url().startsWith(walk.base)) wrong.push(`${page.url()}: ${message.text()}`);
});
const press = async (selector) => {
  await page.waitForSelector(selector);
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
};

try {
  // a page that needs a session leads to the sign-in page, and back to itself
  await page.goto(`${walk.base}/close`);
  check(page.url().startsWith(`${walk.base}/sign-in?to=`), `not asked to sign in: ${page.url()}`);
  await press("a.button.main");
  check(page.url().startsWith(walk.issuer), `not at the provider: ${page.url()}`);
  await page.type("input[name=login]", "u1");
  await page.type("input[name=password]", "any");
  await press("button[type=submit]");
  await press("button[type=submit]");
  await page.waitForSelector("form.who");
  check(page.url() === `${walk.base}/close`, `not on the page that was asked for: ${page.url()}`);
  const who = await page.$eval("form.who span", (one) => one.textContent);
  check(who === "Anna Berg (controller)", `signed in as ${who}`);

  // signing out leads to the provider, and from there back
  await press("form.who button");
  await page.waitForFunction((issuer) => location.href.startsWith(issuer), {}, walk.issuer);
  await press("button[value=yes]");
  await page.waitForFunction((url) => location.href === url, {}, `${walk.base}/sign-in`);
  await page.goto(`${walk.base}/close`);
  check(page.url().startsWith(`${walk.base}/sign-in?to=`), `still signed in: ${page.url()}`);
} catch (error) {
  wrong.push(`${page.url()}: ${error.message}\n${(await page.content()).slice(0, 2000)}`);
}
await browser.close();
if (wrong.length > 0) {
  console.log(wrong.join("\n"));
  process.exit(1);
}
