// The start of each check: a program, pages in fresh profiles, and a record of everything
// that a browser complains about.

import assert from "node:assert/strict";
import path from "node:path";
import { Program } from "./program.mjs";

export class Bench {
  /** `launch` starts another browser with more arguments. */
  constructor(browser, launch, programFile, artifacts) {
    this.browser = browser;
    this.launchBrowser = launch;
    this.programFile = programFile;
    this.artifacts = artifacts;
    this.programs = [];
    this.contexts = [];
    this.closers = [];
    this.pages = [];
    this.problems = [];
    this.expected = [];
  }

  /** `command`: what it serves, if not the echo. */
  async startProgram(host, options, command) {
    const program = await Program.onFreePort(this.programFile, host, options, command);
    this.programs.push(program);
    return program;
  }

  /** A page in a fresh profile; whatever it complains about is a failure unless `expectProblem` names it. */
  async openTab(options = {}, browser = this.browser) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    this.contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.problems.push(`console ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.problems.push(`page error: ${error.message}`));
    page.on("dialog", (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      return dialog.dismiss();
    });
    await page.exposeFunction("reportViolation", (words) => this.problems.push(`policy violation: ${words}`));
    await page.addInitScript(() => {
      const report = (event) => globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
      document.addEventListener("securitypolicyviolation", report);
    });
    this.pages.push(page);
    return page;
  }

  /** Another browser, which ends with the check. */
  async launch(words) {
    const browser = await this.launchBrowser(words);
    this.closeLater(() => browser.close());
    return browser;
  }

  /** A fresh program and its page, connected. */
  async connected(options) {
    const program = await this.startProgram();
    const page = await this.openTab(options);
    await page.goto(program.pageAddress());
    await reachState(page, "connected");
    return { program, page };
  }

  expectProblem(pattern) {
    this.expected.push(pattern);
  }

  assertNoProblems() {
    const unexpected = this.problems.filter((words) => !this.expected.some((pattern) => pattern.test(words)));
    assert.deepEqual(unexpected, [], "the browser complained");
  }

  /** Anything with a `close()` that takes a callback or returns at once, such as a server of the check. */
  closeLater(closer) {
    this.closers.push(closer);
    return closer;
  }

  async screenshot(page, name) {
    // Hide the blinking caret, and let transitions end: two runs should give the same picture.
    await page.screenshot({ path: path.join(this.artifacts, `${name}.png`), animations: "disabled", caret: "hide" });
  }

  async keepEvidence(name) {
    const file = `failed-${name.replaceAll(/[^A-Za-z0-9]+/g, "-")}`;
    for (const [index, page] of this.pages.entries()) {
      await this.screenshot(page, `${file}-${index}`).catch(() => {});
    }
    for (const problem of this.problems.slice(0, 10)) console.log(`        ${problem}`);
  }

  async dispose() {
    for (const context of this.contexts) await context.close();
    for (const closer of this.closers) await closer();
    for (const program of this.programs) await program.dispose();
  }
}

/** A refused or failed connection is an error in the console whatever the page does. */
export const failedConnection = /console error: WebSocket connection to .* failed/;

export async function reachState(page, state) {
  await until(page, (wanted) => document.body.dataset.state === wanted, state, `the state ${state}`);
}

export async function until(page, condition, argument, what) {
  try {
    await page.waitForFunction(condition, argument);
  } catch (error) {
    throw new Error(`waited in vain for ${what}: ${error.message.split("\n")[0]}`);
  }
}

export async function untilText(page, selector, text) {
  const condition = ([where, wanted]) => document.querySelector(where)?.textContent.includes(wanted);
  await until(page, condition, [selector, text], `“${text}” in ${selector}`);
}

/** Types into the draft, sends it with Enter and waits until the composer is empty again. */
export async function sendText(page, text) {
  await page.fill("#draft", text);
  await page.press("#draft", "Enter");
  await until(page, () => document.querySelector("#draft").value === "", null, "the draft to leave");
}

export async function chooseMode(page, mode) {
  await page.locator(`label:has(> input[value="${mode}"])`).click();
}

/** The rows as data, in order. The page draws changes to them in its next frame, so that frame is waited for. */
export function rows(page, selector = "#rows .row") {
  return page.evaluate(async (wanted) => {
    await new Promise(requestAnimationFrame);
    const cell = (row, name) => row.querySelector(`.${name}`)?.textContent ?? "";
    return [...document.querySelectorAll(wanted)].map((row) => ({
      direction: row.dataset.direction,
      kind: row.dataset.kind,
      roundTrip: row.dataset.roundTrip === undefined ? null : Number(row.dataset.roundTrip),
      unanswered: row.dataset.unanswered !== undefined,
      hidden: row.hidden,
      payload: cell(row, "payload"),
      size: cell(row, "size"),
      time: cell(row, "time"),
      word: cell(row, "direction"),
    }));
  }, selector);
}

/** Waits for this many messages from the server, and gives their rows. */
export async function received(page, count) {
  const selector = '#rows .row[data-direction="received"]';
  const condition = ([where, wanted]) => document.querySelectorAll(where).length >= wanted;
  await until(page, condition, [selector, count], `${count} received messages`);
  const found = await rows(page, selector);
  assert.equal(found.length, count, "more messages than expected");
  return found;
}

/** Presses Export and gives the lines of the file, parsed. */
export async function exported(page) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#export")]);
  let text = "";
  for await (const chunk of (await download.createReadStream()).setEncoding("utf8")) text += chunk;
  assert.match(download.suggestedFilename(), /^echo-\d{8}T\d{6}Z\.ndjson$/);
  assert.ok(text.endsWith("\n"), "NDJSON ends with a line break");
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}
