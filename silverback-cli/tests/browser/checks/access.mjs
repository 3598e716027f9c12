// Keyboard only, names for everything, and what a screen reader hears.

import assert from "node:assert/strict";
import { chooseMode, received, rows, sendText, reachState, until, untilText } from "../bench.mjs";

const tabStops = [
  "Skip to the message",
  "theme",
  "address",
  "subprotocols",
  "toggle",
  "reconnects",
  "Close code and reason",
  "mode",
  "draft",
  "send",
  "copies",
  "every",
  "filter",
  "filter-kind",
  "pretty",
  "pause",
  "copy",
  "export",
  "clear",
  "log",
  "latency-clear",
];

export default {
  async "Tab reaches every control in the order of the page, each with a visible focus"(bench) {
    const { page } = await bench.connected();
    await page.evaluate(() => document.querySelector("#composer").requestSubmit());
    await received(page, 1);
    // The message has the focus at first: it goes to the top of the page.
    await page.focus(".skip");
    const visited = [];
    for (let step = 0; step < tabStops.length; step += 1) {
      if (step > 0) await page.keyboard.press("Tab");
      visited.push(await page.evaluate(describeFocus));
    }
    assert.deepEqual(visited.map(({ name }) => name), tabStops);
    assert.deepEqual(visited.filter(({ visible }) => !visible).map(({ name }) => name), []);
    for (const expected of tabStops.slice(0, -1).reverse()) {
      await page.keyboard.press("Shift+Tab");
      assert.equal((await page.evaluate(describeFocus)).name, expected);
    }
  },

  async "a whole session by keyboard: skip, write, choose hex, filter, walk the log, copy, disconnect"(bench) {
    const { page } = await bench.connected({ permissions: ["clipboard-read", "clipboard-write"] });
    await page.focus(".skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "draft");
    await page.keyboard.type("by keyboard");
    await page.keyboard.press("Enter");
    await received(page, 1);
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Tab");
    await page.keyboard.type("de ad be ef".padEnd(11 + 40 * 3, " 00"));
    await page.keyboard.press("Enter");
    await received(page, 2);

    await tabTo(page, "log");
    assert.ok(await page.locator("#log-keys").isVisible());
    await page.keyboard.press("ArrowUp");
    assert.equal(await focusedRow(page), 4);
    await page.keyboard.press("Enter");
    assert.match(await page.locator("#rows .row").nth(4).locator(".payload").textContent(), /^000000 {2}de ad/);
    await page.keyboard.press("Home");
    assert.equal(await focusedRow(page), 0);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focusedRow(page), 2);
    await page.keyboard.press("c");
    await untilText(page, "#log-note", "Copied the message.");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "by keyboard");
    await page.keyboard.press("End");
    assert.equal(await focusedRow(page), 4);
    await page.keyboard.press("Escape");
    assert.equal(await page.evaluate(() => document.activeElement.id), "log");

    await tabTo(page, "filter", "Shift+Tab");
    await page.keyboard.type("keyboard");
    await untilText(page, "#row-count", "2 of 5 rows");
    await tabTo(page, "toggle", "Shift+Tab");
    await page.keyboard.press("Enter");
    await reachState(page, "disconnected");
    assert.equal(await page.evaluate(() => document.activeElement.id), "toggle");
  },

  async "every control has a name, every image a description"(bench) {
    const { page } = await bench.connected();
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, input, select, textarea, summary, [role=img], [role=log], section, fieldset")]
        .filter((element) => {
          const labelled = element.getAttribute("aria-labelledby");
          const words = [
            element.getAttribute("aria-label"),
            labelled && document.getElementById(labelled)?.textContent,
            [...(element.labels ?? [])].map((label) => label.textContent).join(" "),
            /^(BUTTON|SUMMARY)$/.test(element.tagName) ? element.textContent : "",
            element.querySelector(":scope > legend")?.textContent,
          ];
          return !words.some((text) => text?.trim());
        })
        .map((element) => element.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(nameless, []);
    assert.equal(await page.getAttribute("html", "lang"), "en");
    assert.equal(await page.locator("h1").count(), 1);
    const twice = await page.evaluate(() => {
      const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
      return ids.filter((id, index) => ids.indexOf(id) !== index);
    });
    assert.deepEqual(twice, []);
  },

  async "the live region is polite, speaks of one echo in full and of a burst in a sentence"(bench) {
    const { page } = await bench.connected();
    assert.equal(await page.getAttribute("#announcer", "aria-live"), "polite");
    assert.equal(await page.getAttribute("#status-word", "role"), "status");
    await sendText(page, "hello");
    await until(page, () => /^Received text, after .*: hello$/.test(document.querySelector("#announcer").textContent), null, "the echo to be announced");
    await page.evaluate(() => {
      globalThis.announced = [];
      new MutationObserver(() => globalThis.announced.push(document.querySelector("#announcer").textContent)).observe(
        document.querySelector("#announcer"),
        { childList: true },
      );
    });
    await page.fill("#copies", "300");
    await sendText(page, "burst");
    await received(page, 301);
    const counted = () => {
      const counts = globalThis.announced.map((words) => Number(words.match(/^(\d+) messages received\.$/)?.[1] ?? 1));
      return counts.reduce((sum, count) => sum + count, 0) === 300;
    };
    await until(page, counted, null, "300 messages to be announced");
    const sentences = await page.evaluate(() => globalThis.announced.length);
    assert.ok(sentences <= 30, `${sentences} announcements`);
  },

  async "with reduced motion nothing moves; without, the waiting lamp may"(bench) {
    for (const [reducedMotion, moves] of [["reduce", false], ["no-preference", true]]) {
      const { program, page } = await bench.connected({ reducedMotion });
      bench.expectProblem(/WebSocket connection to .* failed/);
      await program.stop();
      await reachState(page, "waiting");
      const names = await page.evaluate(() => {
        const style = getComputedStyle(document.querySelector(".lamp"));
        return [style.animationName, getComputedStyle(document.querySelector("#toggle")).transitionDuration];
      });
      assert.equal(names[0] !== "none", moves);
      assert.equal(names[1] !== "0s", moves);
    }
  },

  async "each row has a name that says what its cells say"(bench) {
    const { page } = await bench.connected();
    // One after the other, so that each echo follows what was sent.
    for (const [index, text] of ["hello", "", "evil \u202e txt", "y".repeat(900)].entries()) {
      await sendText(page, text);
      await received(page, index + 1);
    }
    await chooseMode(page, "hex");
    await sendText(page, "00 01 ff");
    await received(page, 5);
    const named = page.locator("#rows").getByRole("listitem", { name: /./ });
    assert.equal(await named.count(), 11);
    const names = await page.evaluate(() => [...document.querySelectorAll("#rows .row")].map((row) => row.getAttribute("aria-label")));
    const time = "at \\d\\d:\\d\\d:\\d\\d\\.\\d{3}";
    for (const [index, pattern] of [
      [0, `^Event, open, ${time}: Connected to ws://`],
      [1, `^Sent, text, 5 B, ${time}: hello$`],
      [2, `^Received, text, 5 B, after [\\d.]+ .?s, ${time}: hello$`],
      [4, `^Received, text, 0 B, after [\\d.]+ .?s, ${time}: empty$`],
      [5, `^Sent, text, .*: evil {3}txt$`],
      [8, `^Received, text, 900 B, .*: y{200}…$`],
      [10, `^Received, binary, 3 B, .*: 00 01 ff$`],
    ]) {
      assert.match(names[index], new RegExp(pattern));
    }
  },

  async "Pause keeps its name: whether it is pressed says the rest"(bench) {
    const { page } = await bench.connected();
    for (const pressed of [false, true, false]) {
      await page.getByRole("button", { name: "Pause", exact: true, pressed }).waitFor();
      await page.click("#pause");
    }
  },

  async "rows tell direction and kind in words, not by colour alone"(bench) {
    const { page } = await bench.connected();
    await sendText(page, "words");
    await received(page, 1);
    assert.deepEqual((await rows(page)).map((row) => [row.word.slice(1), row.kind]), [
      ["Event", "open"],
      ["Sent", "text"],
      ["Received", "text"],
    ]);
  },
};

function describeFocus() {
  const element = document.activeElement;
  const marked = element.name === "mode" ? element.nextElementSibling : element;
  const style = getComputedStyle(marked);
  const box = marked.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return { name: element.id || element.name || element.textContent, visible: outlined && box.width > 0 && box.top >= 0 };
}

async function tabTo(page, id, key = "Tab") {
  for (let step = 0; step < 40; step += 1) {
    if ((await page.evaluate(() => document.activeElement.id)) === id) return;
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not reach ${id}`);
}

function focusedRow(page) {
  return page.evaluate(() => [...document.querySelectorAll("#rows .row")].indexOf(document.activeElement));
}
