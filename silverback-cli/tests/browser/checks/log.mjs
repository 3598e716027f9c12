// The log: filter, pause, clear, copy, export, unfolding, and its bounds.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { chooseMode, exported, failedConnection, reachState, received, rows, sendText, until, untilText } from "../bench.mjs";

const run = promisify(execFile);
const withClipboard = { permissions: ["clipboard-read", "clipboard-write"] };

export default {
  async "the filter shows the rows that hold the words, whatever their case"(bench) {
    const { page } = await mixedLog(bench);
    const visible = async () => (await rows(page)).filter((row) => !row.hidden);
    await page.fill("#filter", "BANANA (2)");
    assert.deepEqual((await visible()).map((row) => row.payload), ["banana (2)", "banana (2)"]);
    await untilText(page, "#row-count", "2 of 7 rows");
    await page.fill("#filter", "01 ff");
    assert.deepEqual((await visible()).map((row) => row.kind), ["binary", "binary"]);
    await page.fill("#filter", ".*");
    assert.equal((await visible()).length, 0, "the words are no pattern");
    await page.fill("#filter", "");
    for (const [choice, count] of [["sent", 3], ["received", 3], ["text", 4], ["binary", 2], ["event", 1], ["all", 7]]) {
      await page.selectOption("#filter-kind", choice);
      assert.equal((await visible()).length, count, choice);
    }
    await page.fill("#filter", "apple");
    await sendText(page, "a late apple");
    await sendText(page, "a late cherry");
    await received(page, 5);
    assert.deepEqual((await visible()).map((row) => row.payload), ["apple 1", "apple 1", "a late apple", "a late apple"]);
  },

  async "paused, the log stands still and keeps count; resumed, it shows all"(bench) {
    const { page } = await bench.connected();
    await sendText(page, "before");
    await received(page, 1);
    await page.click("#pause");
    for (const text of ["while", "paused"]) await sendText(page, text);
    await untilText(page, "#received-total", "3 (");
    await untilText(page, "#row-count", "4 new while paused");
    assert.equal((await rows(page)).length, 3);
    assert.equal(await page.getAttribute("#pause", "aria-pressed"), "true");
    await page.click("#pause");
    const echoes = await received(page, 3);
    assert.deepEqual(echoes.map((row) => row.payload), ["before", "while", "paused"]);
    assert.ok(echoes.every((row) => row.roundTrip !== null));
    await untilText(page, "#row-count", "7 rows");
  },

  async "clear empties the log and nothing else"(bench) {
    const { page } = await mixedLog(bench);
    await page.fill("#draft", "kept");
    await page.click("#clear");
    await untilText(page, "#row-count", "0 rows");
    assert.equal((await rows(page)).length, 0);
    assert.equal(await page.inputValue("#draft"), "kept");
    await page.press("#draft", "Enter");
    assert.equal((await received(page, 1))[0].payload, "kept");
    assert.equal((await rows(page)).length, 2);
  },

  async "clear while paused stays clear after resuming"(bench) {
    const { page } = await bench.connected();
    await page.click("#pause");
    await sendText(page, "unseen");
    await untilText(page, "#received-total", "1 (");
    await page.click("#clear");
    await page.click("#pause");
    await sendText(page, "seen");
    assert.deepEqual((await received(page, 1)).map((row) => row.payload), ["seen"]);
  },

  async "export gives the rows shown as NDJSON"(bench) {
    const { program, page } = await mixedLog(bench);
    const lines = await exported(page);
    assert.equal(lines.length, 7);
    const [opened, sent, echo] = lines;
    assert.equal(opened.type, "open");
    assert.equal(opened.url, `ws://${program.authority()}/ws/echo`);
    assert.deepEqual(
      { ...sent, time: "" },
      { time: "", type: "text", direction: "sent", size: 7, data: "apple 1" },
    );
    assert.equal(echo.direction, "received");
    assert.ok(echo.round_trip_ms >= 0);
    assert.ok(lines.every((line) => !Number.isNaN(Date.parse(line.time)) && line.time.endsWith("Z")));
    assert.deepEqual(lines.filter((line) => line.type === "binary").map((line) => line.base64), ["AAH/", "AAH/"]);
    await page.fill("#filter", "banana");
    assert.deepEqual((await exported(page)).map((line) => line.data), ["banana (2)", "banana (2)"]);
  },

  async "an export is replayed by the program"(bench) {
    const { program, page } = await mixedLog(bench);
    await page.click("#toggle");
    await reachState(page, "disconnected");
    const file = path.join(bench.artifacts, "export.ndjson");
    await writeFile(file, (await exported(page)).map((line) => `${JSON.stringify(line)}\n`).join(""));
    const url = `ws://${program.authority()}/ws/echo`;
    const { stdout } = await run(bench.programFile, ["connect", url, "--replay", file, "--expect", "--speed", "0"]);
    assert.equal(stdout, "apple 1\nbanana (2)\nbase64:AAH/\n");
  },

  async "copy gives the rows shown, and a row's button its payload"(bench) {
    const { page } = await mixedLog(bench, withClipboard);
    await page.selectOption("#filter-kind", "sent");
    await page.click("#copy");
    await untilText(page, "#log-note", "Copied 3 rows.");
    const lines = (await clipboard(page)).split("\n");
    assert.equal(lines.length, 3);
    assert.match(lines[0], /^\d\d:\d\d:\d\d\.\d{3} {2}↑ Sent {2}text {2}7 B {2}apple 1$/);
    assert.match(lines[2], / {2}binary {2}3 B {2}00 01 ff$/);
    const row = page.locator('#rows .row[data-kind="text"]').first();
    await row.hover();
    await row.locator('[data-action="copy"]').click();
    await untilText(page, "#log-note", "Copied the message.");
    assert.equal(await clipboard(page), "apple 1");
  },

  async "where the clipboard is forbidden, copying falls back on a selection"(bench) {
    const { page } = await bench.connected(withClipboard);
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new Error("forbidden"));
    });
    await sendText(page, "by selection");
    await received(page, 1);
    await page.selectOption("#filter-kind", "received");
    await page.click("#copy");
    await untilText(page, "#log-note", "Copied 1 row.");
    assert.match(await clipboard(page), /by selection$/);
    assert.equal(await page.evaluate(() => document.activeElement.id), "copy");
  },

  async "a long message is cut on screen, unfolds, and is exported whole"(bench) {
    const { page } = await bench.connected();
    const text = "0123456789".repeat(300);
    await page.evaluate((words) => {
      document.querySelector("#draft").value = words;
      document.querySelector("#draft").dispatchEvent(new Event("input"));
    }, text);
    await page.press("#draft", "Enter");
    const [echo] = await received(page, 1);
    assert.ok(echo.payload.length < 700 && echo.payload.endsWith("…"));
    const row = page.locator('#rows .row[data-direction="received"]');
    await row.getByRole("button", { name: "Show all 3,000 characters" }).click();
    assert.equal(await row.locator(".payload").textContent(), text);
    await row.getByRole("button", { name: "Show less" }).click();
    assert.equal(await row.locator(".payload").textContent(), echo.payload);
    assert.equal((await exported(page)).at(-1).data, text);
  },

  async "bytes unfold as a hex dump"(bench) {
    const { page } = await bench.connected();
    await chooseMode(page, "hex");
    await sendText(page, Buffer.from("The quick brown fox jumps over the lazy dog.\n").toString("hex"));
    await received(page, 1);
    const row = page.locator('#rows .row[data-direction="received"]');
    await row.getByRole("button", { name: "Show as hex dump" }).click();
    const lines = (await row.locator(".payload").textContent()).split("\n");
    assert.equal(lines.length, 3);
    assert.equal(lines[0], "000000  54 68 65 20 71 75 69 63 6b 20 62 72 6f 77 6e 20  The quick brown ");
    assert.equal(lines[2], "000020  68 65 20 6c 61 7a 79 20 64 6f 67 2e 0a           he lazy dog.·");
  },

  async "JSON is laid out on request, with its tokens untouched"(bench) {
    const { page } = await bench.connected();
    const json = '{"id":12345678901234567890,"a":1,"a":[],"s":"x, {y}: \\"z\\"","list":[1,{"b":null}]}';
    await sendText(page, json);
    await sendText(page, "{not json}");
    await received(page, 2);
    await page.check("#pretty");
    const [formatted, other] = await received(page, 2);
    assert.equal(
      formatted.payload,
      '{\n  "id": 12345678901234567890,\n  "a": 1,\n  "a": [],\n  "s": "x, {y}: \\"z\\"",\n  "list": [\n    1,\n    {\n      "b": null\n    }\n  ]\n}',
    );
    assert.equal(other.payload, "{not json}");
    await page.uncheck("#pretty");
    assert.equal((await received(page, 2))[0].payload, json);
  },

  async "the log keeps the newest 5,000 rows and says how many went"(bench) {
    const { page } = await bench.connected();
    await page.fill("#copies", "2600");
    await sendText(page, "many");
    await untilText(page, "#received-total", "2,600 (");
    await untilText(page, "#row-count", "201 oldest dropped");
    // The page draws many rows over several frames.
    await until(page, () => document.querySelectorAll("#rows .row").length === 5000, null, "5,000 rows");
    const found = await rows(page);
    assert.equal(found.length, 5000);
    assert.equal(found.at(-1).direction, "received");
    assert.ok(!found.some((row) => row.kind === "open"), "the oldest row is gone");
    assert.equal((await exported(page)).length, 5000);
  },

  async "the log follows the newest row until the reader scrolls away"(bench) {
    const { page } = await bench.connected();
    await page.fill("#copies", "100");
    await sendText(page, "fill");
    await received(page, 100);
    const fromEnd = () => {
      const log = document.querySelector("#log");
      return log.scrollHeight - log.scrollTop - log.clientHeight;
    };
    await until(page, `(${fromEnd})() < 2`, null, "the log to follow");
    await page.evaluate(() => document.querySelector("#log").scrollTo(0, 0));
    await until(page, () => !document.querySelector("#latest").hidden, null, "the way back to appear");
    await page.fill("#copies", "1");
    await sendText(page, "unseen");
    await received(page, 101);
    await untilText(page, "#latest", "2 new");
    assert.ok((await page.evaluate(() => document.querySelector("#log").scrollTop)) < 2, "the view stays");
    await page.click("#latest");
    await until(page, `(${fromEnd})() < 2`, null, "the log to follow again");
  },

  async "the log follows also when another panel takes a part of its height"(bench) {
    const { page } = await bench.connected();
    bench.expectProblem(failedConnection);
    await page.uncheck("#reconnects");
    await page.fill("#copies", "20");
    await sendText(page, "fill");
    await received(page, 20);
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await page.fill("#address", "ws://127.0.0.1:9/");
    await page.click("#toggle");
    await until(page, () => document.querySelectorAll('#rows .row[data-kind="close"]').length === 2, null, "the error's row");
    await until(page, () => {
      const [log, row] = ["#log", "#rows .group:last-child .row:last-child"].map((each) => document.querySelector(each).getBoundingClientRect());
      return row.bottom <= log.bottom + 1 && row.top >= log.top && document.querySelector("#latest").hidden;
    }, null, "the error's row to be in view");
  },

  async "where a filter leaves so few rows that all fit, there is no way to the latest; none at all is said"(bench) {
    const { page } = await bench.connected();
    await page.fill("#copies", "100");
    await sendText(page, "fill");
    await received(page, 100);
    await page.fill("#copies", "1");
    await sendText(page, "needle");
    await received(page, 101);
    await page.evaluate(() => document.querySelector("#log").scrollTo(0, 0));
    await until(page, () => !document.querySelector("#latest").hidden, null, "the way back to appear");
    await page.fill("#filter", "needle");
    await until(page, () => document.querySelector("#latest").hidden, null, "the way back to go");
    assert.equal((await rows(page)).filter((row) => !row.hidden).length, 2);
    await page.fill("#filter", "haystack");
    await untilText(page, "#log-empty", "No rows match.");
    assert.ok(await page.locator("#log-empty").isVisible());
    await page.fill("#filter", "");
    await until(page, () => document.querySelector("#log-empty").hidden, null, "the remark to go");
    await page.click("#clear");
    await untilText(page, "#log-empty", "Nothing sent yet.");
  },

  async "what is new below counts the rows that the filter shows"(bench) {
    const { page } = await bench.connected();
    await page.fill("#copies", "100");
    await sendText(page, "fill");
    await received(page, 100);
    await page.fill("#copies", "1");
    await page.evaluate(() => document.querySelector("#log").scrollTo(0, 0));
    await until(page, () => !document.querySelector("#latest").hidden, null, "the way back to appear");
    await sendText(page, "unseen fill");
    await sendText(page, "unseen other");
    await untilText(page, "#latest", "4 new");
    await page.fill("#filter", "fill");
    await untilText(page, "#latest", "2 new");
  },

  async "a row's Copy covers nothing of it"(bench) {
    for (const viewport of [{ width: 1280, height: 800 }, { width: 800, height: 900 }, { width: 320, height: 640 }]) {
      const { page } = await bench.connected({ viewport });
      await sendText(page, "a payload that is as wide as the log and wider ".repeat(8));
      await received(page, 1);
      const row = page.locator('#rows .row[data-direction="received"]');
      await row.hover();
      const covered = await row.evaluate((element) => {
        const copy = element.querySelector(".copy").getBoundingClientRect();
        const overlaps = (box) => box.left < copy.right && copy.left < box.right && box.top < copy.bottom && copy.top < box.bottom;
        const cells = [...element.querySelectorAll(".cell:not(.copy)")].filter((cell) => cell.textContent);
        return cells.filter((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          return [...range.getClientRects()].some(overlaps);
        }).map((cell) => cell.className);
      });
      assert.deepEqual(covered, [], `${viewport.width} pixels`);
    }
  },

  async "the log says how many rows it keeps, before one is dropped"(bench) {
    const { page } = await bench.connected();
    assert.equal(await page.textContent("#log-limit"), "the newest 5,000 are kept");
    assert.ok(await page.locator("#log-limit").isVisible());
  },
};

/** Seven rows: opened, and text, text and bytes with their echoes. */
async function mixedLog(bench, options) {
  const { program, page } = await bench.connected(options);
  await sendText(page, "apple 1");
  await received(page, 1);
  await sendText(page, "banana (2)");
  await received(page, 2);
  await chooseMode(page, "hex");
  await sendText(page, "00 01 ff");
  await received(page, 3);
  await chooseMode(page, "text");
  return { program, page };
}

function clipboard(page) {
  return page.evaluate(() => navigator.clipboard.readText());
}
