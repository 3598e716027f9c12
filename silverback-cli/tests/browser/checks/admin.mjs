// The page for operators: figures, topics, closing a connection and draining, by the keyboard too.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { WebSocket } from "ws";
import { until, untilText } from "../bench.mjs";
import { freePort } from "../program.mjs";

const widths = { wide: { width: 1280, height: 1000 }, medium: { width: 768, height: 900 }, narrow: { width: 360, height: 740 } };
const HOSTILE = `chat:<img src=x onerror=alert(1)>"'&`;

export default {
  async "admin: the page shows connections, and closes one and no other"(bench) {
    const { program, admin } = await start(bench);
    const [first, second] = [await socket(program, "/ws/echo"), await socket(program, "/ws/echo")];
    const page = await open(bench, admin);
    await untilText(page, "#shown", "2");
    await page.selectOption("#sort", "age");
    await page.locator("#connections button").first().click();
    await untilText(page, "#ask-title", "Close connection 1?");
    // The safe button has the focus, and the list is still drawn again.
    assert.equal(await page.evaluate(() => document.activeElement.value), "no");
    await page.keyboard.press("Enter");
    assert.equal(first.readyState, WebSocket.OPEN);
    await page.locator("#connections button").first().click();
    await page.locator("#ask-yes").click();
    assert.deepEqual(await first.ended, [4500, "closed by an operator"]);
    await untilText(page, "#shown", "1");
    await untilText(page, "#closes", "4xxx");
    assert.equal(second.readyState, WebSocket.OPEN);
    second.send("still here");
    assert.equal(await second.next(), "still here");
  },

  async "admin: a connection that has gone meanwhile is said to be gone"(bench) {
    const { program, admin } = await start(bench);
    const first = await socket(program, "/ws/echo");
    const page = await open(bench, admin);
    await untilText(page, "#shown", "1");
    await page.locator("#connections button").first().focus();
    await page.keyboard.press("Enter");
    await untilText(page, "#ask-title", "Close connection 1?");
    first.close();
    await first.ended;
    bench.expectProblem(/404/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await untilText(page, "#fault", "There is no open connection 1.");
  },

  async "admin: the page drains the server, which tells its clients and ends"(bench) {
    const { program, admin } = await start(bench, "", ["--drain", "200ms"]);
    const client = await socket(program, "/ws/echo");
    const page = await open(bench, admin);
    bench.expectProblem(/ERR_|fetch/);
    await page.click("#drain");
    await page.locator("#ask-yes").click();
    assert.equal((await client.ended)[0], 1012);
    assert.deepEqual(await program.ended, { code: 0, signal: null });
    await untilText(page, "#state", "ended");
    assert.equal(await page.locator("#drain:enabled, #connections button:enabled").count(), 0);
  },

  async "admin: topics are listed and found, and their names are only text"(bench) {
    const { program, admin } = await start(bench, "hub");
    const names = [HOSTILE, "news", "news", "chat:7"];
    for (const name of names) await socket(program, `/ws/topic/${encodeURIComponent(name)}`);
    const page = await open(bench, admin);
    await untilText(page, "#topics-shown", "3");
    const shown = () => page.locator("#topics tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    assert.deepEqual(await shown(), [["news", "2", "0"], ["chat:7", "1", "0"], [HOSTILE, "1", "0"]]);
    await page.fill("#find", "chat:");
    await untilText(page, "#topics-shown", "2");
    await page.fill("#find", "?ews");
    await untilText(page, "#topics-shown", "1");
    await page.fill("#find", "nothing");
    await untilText(page, "#topics", "none");
    await untilText(page, "#engine-state", "memory is up");
    assert.equal(await page.locator("img").count(), 0);
  },

  async "admin: a wrong token is refused, and the right one is kept for the tab alone"(bench) {
    const token = "0123456789abcdef0123456789abcdef";
    const { admin } = await start(bench, "", [], { SILVERBACK_ADMIN_TOKEN: token });
    bench.expectProblem(/401/);
    const page = await open(bench, admin);
    await page.waitForSelector("#login:not([hidden])");
    assert.equal(await page.locator("#drain").isVisible(), false);
    await page.fill("#token", "wrong".repeat(5));
    await page.keyboard.press("Enter");
    await untilText(page, "#login-fault", "This is not the token.");
    await page.fill("#token", token);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#main:not([hidden])");
    assert.equal(await page.locator("#drain").isVisible(), true);
    await page.reload();
    await page.waitForSelector("#main:not([hidden])");
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    assert.equal(await page.evaluate(() => document.cookie), "");
  },

  async "admin: another site can neither read the figures nor act nor frame the page"(bench) {
    const { program, admin } = await start(bench);
    const victim = await socket(program, "/ws/echo");
    // What the browser blocks, it also complains about.
    bench.expectProblem(/./);
    // To the browser, another name of this machine is another site.
    const page = await bench.openTab();
    await page.goto(`http://${admin}/healthz`);
    const outcomes = await page.evaluate(async (target) => {
      const attempts = {
        read: () => fetch(`${target}/stats.json`),
        script: () => new Promise((resolve, reject) => {
          const script = document.createElement("script");
          Object.assign(script, { src: `${target}/stats.json`, onload: resolve, onerror: reject });
          document.head.append(script);
        }),
        kick: () => fetch(`${target}/kick`, { method: "POST", mode: "no-cors", body: '{"id": 1}' }).then((answer) => answer.type),
        drain: () => fetch(`${target}/drain`, { method: "POST", mode: "no-cors", body: "{}" }).then((answer) => answer.type),
      };
      const results = {};
      for (const [name, attempt] of Object.entries(attempts)) results[name] = await attempt().then((result) => `${result}`, () => "blocked");
      const form = document.createElement("form");
      const frame = document.createElement("iframe");
      frame.name = "answer";
      document.body.append(frame, form);
      Object.assign(form, { method: "post", enctype: "text/plain", action: `${target}/drain`, target: "answer" });
      await new Promise((resolve) => {
        frame.addEventListener("load", resolve, { once: true });
        form.submit();
        setTimeout(resolve, 2000);
      });
      return results;
    }, `http://${admin.replace("127.0.0.1", "localhost")}`).catch((error) => ({ error: String(error) }));
    assert.equal(outcomes.read, "blocked", JSON.stringify(outcomes));
    assert.equal(outcomes.script, "blocked");
    victim.send("still here");
    assert.equal(await victim.next(), "still here");
    const answer = await fetch(`http://${admin}/stats.json`);
    assert.equal((await answer.json()).draining, false);
  },

  async "screenshots: the page for operators, wide, medium and narrow, light and dark, with traffic and without"(bench) {
    const looks = [["wide", "light", ""], ["wide", "dark", "hub"], ["narrow", "light", "hub"], ["narrow", "dark", ""], ["medium", "light", ""]];
    // Side by side, because each waits for the page to ask a few times.
    await Promise.all(looks.map(async ([size, colorScheme, command]) => {
      const { program, admin } = await start(bench, command);
      const page = await open(bench, admin, { viewport: widths[size], colorScheme });
      const keep = async (moment) => {
        await assertNoSidewaysScroll(page, `${size} ${command} ${moment}`);
        const file = `admin-${command || "echo"}-${size}-${colorScheme}-${moment}.png`;
        await page.screenshot({ path: path.join(bench.artifacts, file), fullPage: true, animations: "disabled", caret: "hide" });
      };
      await keep("empty");
      const stop = await traffic(program, command);
      await until(page, () => document.querySelectorAll("#tiles path[d^=M]").length === 8, null, "curves");
      await until(page, () => document.querySelectorAll("#connections tr").length >= 5, null, "connections");
      await keep("busy");
      const [button, window] = await page.evaluate(() => [document.querySelector("#connections button").getBoundingClientRect().right, innerWidth]);
      assert.ok(button <= window, `${size}: the buttons end at ${button}, and the window has ${window} pixels`);
      stop();
    }));
    return `${2 * looks.length} kept`;
  },
};

/** Starts a server with a listener for operators, and returns the address of that. */
async function start(bench, command = "", options = [], environment = {}) {
  const admin = `127.0.0.1:${await freePort("127.0.0.1")}`;
  Object.assign(process.env, environment);
  try {
    const program = await bench.startProgram("127.0.0.1", ["--admin", admin, ...options], command);
    return { program, admin };
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
  }
}

async function open(bench, admin, options = {}) {
  const page = await bench.openTab(options);
  await page.goto(`http://${admin}/`);
  await until(page, () => document.querySelector("#state").textContent !== "loading", null, "the first figures");
  return page;
}

/** A client of the service, outside of the browser. */
async function socket(program, path) {
  const client = new WebSocket(`ws://${program.authority()}${path}`);
  const received = [];
  const waiting = [];
  client.on("message", (data) => (waiting.shift() ?? ((text) => received.push(text)))(data.toString()));
  client.on("error", () => {});
  client.next = () => new Promise((resolve) => (received.length > 0 ? resolve(received.shift()) : waiting.push(resolve)));
  client.ended = new Promise((resolve) => client.once("close", (code, reason) => resolve([code, reason.toString()])));
  await new Promise((resolve, reject) => {
    client.once("open", resolve);
    client.once("error", reject);
  });
  return client;
}

/** Clients that talk until the result is called: some much, some little, one that never reads. */
async function traffic(program, command) {
  const where = (number) => (command === "hub" ? `/ws/topic/${encodeURIComponent(["news", "chat:7", HOSTILE, "a-topic-with-a-long-name:".padEnd(120, "x")][number % 4])}` : "/ws/echo");
  const clients = [];
  for (let number = 0; number < 7; number++) clients.push(await socket(program, where(number)));
  clients.pop().close(1000);
  clients.pop().terminate();
  clients.pop().close(4321, "done");
  const refused = new WebSocket(`ws://${program.authority()}${where(0)}`, { origin: "https://evil.example" });
  refused.on("error", () => {});
  const slow = await socket(program, where(0));
  slow.pause();
  // Random, so that compression does not make it small.
  for (let times = 0; times < 60; times++) if (command === "") slow.send(randomBytes(200_000));
  const timer = setInterval(() => clients.forEach((client, number) => client.send("hello ".repeat(10 * (number + 1)))), 40);
  return () => {
    clearInterval(timer);
    [...clients, slow].forEach((client) => client.terminate());
  };
}

async function assertNoSidewaysScroll(page, moment) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(inner <= outer, `${moment}: ${inner} pixels wide, and the window has ${outer}`);
}
