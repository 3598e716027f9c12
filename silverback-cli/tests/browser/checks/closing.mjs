// How connections end and come back: by the button, by the server, by accident.

import assert from "node:assert/strict";
import { exported, failedConnection, reachState, received, rows, sendText, until, untilText } from "../bench.mjs";

export default {
  async "the button disconnects with 1000 and connects again"(bench) {
    const { page } = await bench.connected();
    await page.click("#toggle");
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#status-word"), "Disconnected");
    assert.equal(await page.textContent("#close-by"), "Closed by you");
    assert.equal(await page.textContent("#close-code"), "1000");
    assert.equal(await page.textContent("#close-name"), "Normal Closure");
    assert.equal(await page.textContent("#toggle"), "Connect");
    await page.click("#toggle");
    await reachState(page, "connected");
    assert.ok(await page.locator("#close-details").isHidden());
    await sendText(page, "again");
    assert.equal((await received(page, 1))[0].payload, "again");
  },

  async "a chosen close code and reason reach the server and come back"(bench) {
    const { page } = await bench.connected();
    await page.click("#closing summary");
    await page.fill("#close-with-code", "4321");
    await page.fill("#close-with-reason", "genug für heute");
    await page.click("#toggle");
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#close-code"), "4321");
    assert.equal(await page.textContent("#close-name"), "Application Code");
    const close = (await exported(page)).at(-1);
    assert.deepEqual([close.type, close.code, close.was_clean], ["close", 4321, true]);
  },

  async "a close code that a page may not send is explained, and the connection stays"(bench) {
    const { page } = await bench.connected();
    await page.click("#closing summary");
    for (const [code, reason] of [["1001", ""], ["70000", ""], ["x", ""], ["3000", "ä".repeat(62)]]) {
      await page.fill("#close-with-code", code);
      await page.fill("#close-with-reason", reason);
      await page.click("#toggle");
      await untilText(page, "#close-with-code-fault", "1000 or 3000 to 4999");
      assert.equal(await page.evaluate(() => document.body.dataset.state), "connected");
    }
    await sendText(page, "still here");
    await received(page, 1);
  },

  async "the server stops with 1001, and the page returns when it is back"(bench) {
    const { program, page } = await bench.connected();
    bench.expectProblem(failedConnection);
    await sendText(page, "before");
    await received(page, 1);
    const ended = program.stop();
    await until(page, () => !document.querySelector("#close-details").hidden, null, "the close details");
    await reachState(page, "waiting");
    assert.deepEqual(await ended, { code: 0, signal: null });
    const close = (await exported(page)).find((line) => line.type === "close");
    assert.deepEqual([close.code, close.name, close.was_clean], [1001, "Going Away", true]);
    assert.match(await page.textContent("#status-word"), /^Reconnecting$/);
    const seen = await countdownsSeen(page);
    assert.ok(seen.length >= 2 && seen[0] > seen[1], `the countdown goes down: ${seen}`);

    await page.fill("#draft", "written while away");
    await page.press("#draft", "Enter");
    await untilText(page, "#composer-note", "Not connected: nothing was sent.");
    assert.equal(await page.inputValue("#draft"), "written while away");

    await program.start();
    await reachState(page, "connected");
    assert.equal(await page.textContent("#composer-note"), "");
    await page.press("#draft", "Enter");
    assert.equal((await received(page, 2)).at(-1).payload, "written while away");
  },

  async "the close code, its name and a hint are shown after the server has stopped"(bench) {
    const { program, page } = await bench.connected();
    await page.uncheck("#reconnects");
    await program.stop();
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#close-code"), "1001");
    assert.equal(await page.textContent("#close-name"), "Going Away");
    assert.match(await page.textContent("#close-hint"), /shutting down/);
  },

  async "switched off while waiting, reconnecting stops for good"(bench) {
    const program = await bench.startProgram();
    const page = await bench.openTab();
    // The page's clock, so that two minutes need no two minutes.
    await page.clock.install();
    await page.goto(program.pageAddress());
    await reachState(page, "connected");
    bench.expectProblem(failedConnection);
    await program.stop();
    await reachState(page, "waiting");
    await page.uncheck("#reconnects");
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#countdown"), "");
    await program.start();
    await page.clock.fastForward(120_000);
    assert.equal(await page.evaluate(() => document.body.dataset.state), "disconnected");
    assert.deepEqual((await rows(page)).map((row) => row.kind), ["open", "close"], "nothing was tried again");
    await page.check("#reconnects");
    await page.click("#toggle");
    await reachState(page, "connected");
    await program.stop();
    await reachState(page, "waiting");
    await program.start();
    await page.clock.fastForward(120_000);
    await reachState(page, "connected");
  },

  async "Stop trying ends the wait, Connect now shortens it"(bench) {
    const { program, page } = await bench.connected();
    bench.expectProblem(failedConnection);
    await program.stop();
    await reachState(page, "waiting");
    await page.click("#stop-retry");
    await reachState(page, "disconnected");
    assert.equal(await page.evaluate(() => document.activeElement.id), "toggle");
    await page.click("#toggle");
    await reachState(page, "waiting");
    await program.start();
    await page.click("#toggle");
    await reachState(page, "connected");
  },

  async "the choice not to reconnect is remembered"(bench) {
    const { program, page } = await bench.connected();
    await page.uncheck("#reconnects");
    await page.reload();
    await reachState(page, "connected");
    assert.equal(await page.isChecked("#reconnects"), false);
    await program.stop();
    await reachState(page, "disconnected");
  },

  async "a connection that breaks gets 1006 with a hint, and what was unanswered says so"(bench) {
    const { program, page } = await bench.connected();
    await page.uncheck("#reconnects");
    await sendText(page, "answered");
    await received(page, 1);
    await program.freeze();
    await sendText(page, "lost");
    await until(page, () => document.querySelectorAll("#rows .row").length === 4, null, "the sent row");
    await program.stop("SIGKILL");
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#close-code"), "1006");
    assert.equal(await page.textContent("#close-name"), "Abnormal Closure");
    assert.match(await page.textContent("#close-hint"), /without a close frame.*proxy/);
    const [, answered, , lost] = await rows(page);
    assert.deepEqual([answered.unanswered, lost.unanswered, lost.payload], [false, true, "lost"]);
  },

  async "no server at all: could not connect, 1006, and the next attempt is announced"(bench) {
    const { program, page } = await bench.connected();
    bench.expectProblem(failedConnection);
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await program.stop();
    await page.click("#toggle");
    await reachState(page, "waiting");
    assert.equal(await page.textContent("#close-by"), "Could not connect");
    assert.equal(await page.textContent("#close-code"), "1006");
    assert.match(await page.textContent("#attempt"), /^Attempt 2 is next\.$/);
  },

  async "a message above the server's limit closes with 1009, which is explained"(bench) {
    const { page } = await bench.connected();
    await page.uncheck("#reconnects");
    await page.locator('label:has(> input[value="file"])').click();
    await page.setInputFiles("#file", { name: "big", mimeType: "application/octet-stream", buffer: Buffer.alloc(1024 * 1024 + 1) });
    await page.click("#send");
    await reachState(page, "disconnected");
    assert.equal(await page.textContent("#close-code"), "1009");
    assert.equal(await page.textContent("#close-name"), "Message Too Big");
    assert.match(await page.textContent("#close-hint"), /larger than the server accepts/);
  },

  async "a message of exactly 1 MiB comes back"(bench) {
    const { page } = await bench.connected();
    await page.locator('label:has(> input[value="file"])').click();
    await page.setInputFiles("#file", { name: "mebi", mimeType: "application/octet-stream", buffer: Buffer.alloc(1024 * 1024, 0xa5) });
    await page.click("#send");
    const [echo] = await received(page, 1);
    assert.equal(echo.size, "1.00 MiB");
    assert.notEqual(echo.roundTrip, null);
  },
};

/** The first different seconds that the countdown shows. */
function countdownsSeen(page) {
  return page.evaluate(async () => {
    const seen = [];
    const end = performance.now() + 20_000;
    while (seen.length < 2 && performance.now() < end) {
      const [seconds] = document.querySelector("#countdown").textContent.match(/\d+/) ?? [];
      if (seconds !== undefined && Number(seconds) !== seen.at(-1)) seen.push(Number(seconds));
      await new Promise((resume) => setTimeout(resume, 20));
    }
    return seen;
  });
}
