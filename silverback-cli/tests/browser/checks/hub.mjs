// The tab of the hub: a topic in two windows, what is recovered after a break, and who is there.

import assert from "node:assert/strict";
import { until, untilText } from "../bench.mjs";

const widths = { wide: { width: 1280, height: 800 }, narrow: { width: 320, height: 640 } };

export default {
  async "hub: what one window publishes, both show, with its offset and who is there"(bench) {
    const program = await startHub(bench);
    const [one, other] = [await joined(bench, program), await joined(bench, program)];
    for (const page of [one, other]) await untilText(page, "#hub-present-count", "2 connections");
    assert.equal(await one.locator("#hub-present li", { hasText: "this page" }).count(), 1);
    await publish(one, '{"price": 42}');
    await publish(other, "<b>plain text</b>");
    for (const page of [one, other]) {
      await untilRows(page, 2);
      assert.deepEqual(await shown(page), [["1", "live", '{"price":42}'], ["2", "live", "<b>plain text</b>"]]);
      await untilText(page, "#hub-offset", "2");
    }
    await other.close();
    await untilText(one, "#hub-present-count", "1 connection");
  },

  async "hub: a window that was away recovers what it has missed, in order and once"(bench) {
    const program = await startHub(bench);
    const [one, other] = [await joined(bench, program), await joined(bench, program)];
    await publish(one, "before");
    await untilRows(other, 1);
    await other.click("#hub-break");
    await untilState(other, "waiting");
    for (const text of ["missed 1", "missed 2"]) await publish(one, text);
    await untilState(other, "joined");
    await untilRows(other, 3);
    await untilText(other, "#hub-rows", "Missed and recovered: 2 publications");
    await publish(one, "after");
    await untilRows(other, 4);
    assert.deepEqual(await shown(other), [
      ["1", "live", "before"], ["2", "recovered", "missed 1"], ["3", "recovered", "missed 2"], ["4", "live", "after"],
    ]);
    await bench.screenshot(other, "hub-recovered");
  },

  async "hub: the history fills in what came before, once and in its place"(bench) {
    const program = await startHub(bench);
    const one = await joined(bench, program);
    for (const text of ["1", "2"]) await publish(one, text);
    const late = await joined(bench, program);
    await publish(one, "3");
    await untilRows(late, 1);
    for (let times = 0; times < 2; times++) await late.click("#hub-load");
    await untilText(late, "#hub-rows", "From the history: 0 publications more");
    assert.deepEqual((await shown(late)).map(([offset, source]) => `${offset} ${source}`), ["1 history", "2 history", "3 live"]);
    await late.click("#hub-clear");
    assert.equal((await shown(late)).length, 0);
    await late.click("#hub-toggle");
    await untilState(late, "off");
    await untilText(one, "#hub-present-count", "1 connection");
  },

  async "hub: a topic without a name and a refusal are said in words"(bench) {
    const program = await startHub(bench);
    const page = await bench.openTab();
    await page.goto(address(program));
    await page.fill("#hub-topic", " ");
    await page.click("#hub-toggle");
    await untilText(page, "#hub-fault", "Type the name of a topic");
    await page.fill("#hub-topic", "%joins:chat");
    await page.click("#hub-toggle");
    await untilText(page, "#hub-fault", "bad request (107)");
    await page.fill("#hub-topic", "chat");
    await page.fill("#hub-token", "nonsense");
    await page.click("#hub-toggle");
    await untilText(page, "#hub-fault", "(3500)");
    await untilState(page, "off");
    assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage }).includes("nonsense")), false, "a token is kept");
  },

  async "hub: the tab beside it opens a plain WebSocket to a topic, and the echo page has no tabs"(bench) {
    const program = await startHub(bench);
    const page = await joined(bench, program);
    await page.click("#tab-websocket");
    assert.equal(await page.inputValue("#address"), `ws://${program.authority()}/ws/topic/chat`);
    await page.click("#toggle");
    await until(page, () => document.body.dataset.state === "connected", null, "the WebSocket");
    await page.fill("#draft", '"raw"');
    await page.press("#draft", "Enter");
    await until(page, () => document.querySelector('#rows .row[data-direction="received"]'), null, "the publication");
    await page.press("#tab-websocket", "ArrowLeft");
    assert.equal(await page.isVisible("#hub-rows"), true);
    await untilRows(page, 1);
    assert.deepEqual(await shown(page), [["1", "live", "raw"]]);

    const { page: echo } = await bench.connected();
    assert.equal(await echo.isVisible("#tabs"), false);
    assert.equal(await echo.isVisible("#hub"), false);
  },

  async "hub: screenshots, wide and narrow, light and dark, and nothing scrolls sideways"(bench) {
    for (const [size, viewport] of Object.entries(widths)) {
      for (const colorScheme of ["light", "dark"]) {
        const program = await startHub(bench);
        const page = await joined(bench, program, { viewport, colorScheme });
        await joined(bench, program);
        for (const text of ['{"symbol":"BTC","price":68000.5,"at":"2026-01-01T00:00:00Z"}', "hello", "x".repeat(300)]) await publish(page, text);
        await untilRows(page, 3);
        await untilText(page, "#hub-present-count", "2 connections");
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `${size}: ${overflow} pixels stick out`);
        await bench.screenshot(page, `hub-${size}-${colorScheme}`);
        await page.evaluate(() => document.querySelector(".hub-log").scrollIntoView());
        await bench.screenshot(page, `hub-${size}-${colorScheme}-log`);
      }
    }
  },
};

function startHub(bench) {
  return bench.startProgram("127.0.0.1", ["--open"], "hub");
}

function address(program) {
  return `http://${program.authority()}/`;
}

/** A window that has joined the topic `chat`. */
async function joined(bench, program, options) {
  const page = await bench.openTab(options);
  await page.goto(address(program));
  await page.fill("#hub-topic", "chat");
  await page.press("#hub-topic", "Enter");
  await untilState(page, "joined");
  return page;
}

async function publish(page, text) {
  await page.fill("#hub-draft", text);
  await page.press("#hub-draft", "Enter");
  await until(page, () => document.querySelector("#hub-draft").value === "", null, "the draft to leave");
}

function shown(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("#hub-rows [data-offset]")].map((row) => [
      row.dataset.offset,
      row.dataset.source,
      row.querySelector(".payload").textContent,
    ]),
  );
}

async function untilRows(page, count) {
  const condition = (wanted) => document.querySelectorAll("#hub-rows [data-offset]").length >= wanted;
  await until(page, condition, count, `${count} publications`);
}

async function untilState(page, state) {
  await until(page, (wanted) => document.body.dataset.hub === wanted, state, `the state ${state}`);
}
