// The values that the page remembers between visits, those that it does not, and its work without storage.

import assert from "node:assert/strict";
import { reachState, received, sendText, until, untilText } from "../bench.mjs";

export default {
  async "the last address that opened comes back, and the page's own needs no memory"(bench) {
    const { program, page } = await bench.connected();
    const other = `ws://localhost:${program.port}/ws/echo`;
    await program.dispose();
    program.options.push("--allow-origin", `http://127.0.0.1:${program.port}`);
    await program.start();
    await page.reload();
    await connectTo(page, other);
    await page.reload();
    await reachState(page, "connected");
    assert.equal(await page.inputValue("#address"), other);
    await connectTo(page, `ws://127.0.0.1:${program.port}/ws/echo`);
    assert.equal(await kept(page, "address"), null);
    assert.equal(await page.getAttribute("#addresses option", "value"), `ws://127.0.0.1:${program.port}/ws/echo`);
  },

  async "of an address no query is kept, and what is left is not dialled by itself"(bench) {
    const { program, page } = await bench.connected();
    const own = `ws://127.0.0.1:${program.port}/ws/echo`;
    await connectTo(page, `${own}?token=s3cret`);
    assert.equal(await kept(page, "address"), null, "what is left is the page's own");
    await connectTo(page, `ws://127.0.0.1:${program.port}/?token=s3cret`);
    const all = await page.evaluate(() => JSON.stringify({ ...localStorage }));
    assert.ok(!all.includes("s3cret") && !all.includes("token"), all);
    await page.reload();
    await untilText(page, "#address-fault", "may hold a secret");
    assert.equal(await page.inputValue("#address"), `ws://127.0.0.1:${program.port}/`);
    assert.equal(await page.evaluate(() => document.body.dataset.state), "disconnected");
    assert.equal(await page.evaluate(() => document.activeElement.id), "address");
  },

  async "an address that never opened is not kept"(bench) {
    const { page } = await bench.connected();
    bench.expectProblem(/WebSocket connection to .* failed/);
    await page.uncheck("#reconnects");
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await page.fill("#address", "ws://127.0.0.1:9/");
    await page.click("#toggle");
    await untilText(page, "#close-by", "Could not connect");
    assert.equal(await kept(page, "address"), null);
  },

  async "the last texts come back with Up, but for those that speak of secrets, until they are forgotten"(bench) {
    const { page } = await bench.connected();
    const texts = ["hello", '{"password":"hunter2"}', "Bearer abcdef", "x".repeat(3000), "good bye"];
    for (const text of texts) await sendText(page, text);
    await received(page, texts.length);
    assert.deepEqual(JSON.parse(await kept(page, "texts")), ["hello", "good bye"]);
    await page.reload();
    await reachState(page, "connected");
    for (const expected of ["good bye", "hello", "hello"]) {
      await page.press("#draft", "ArrowUp");
      assert.equal(await page.inputValue("#draft"), expected);
    }
    await page.getByRole("button", { name: "Forget 2 texts" }).click();
    assert.equal(await kept(page, "texts"), null);
    assert.ok(await page.locator("#remembered").isHidden());
    await page.fill("#draft", "");
    await page.press("#draft", "ArrowUp");
    assert.equal(await page.inputValue("#draft"), "");
    for (let number = 0; number < 30; number += 1) await sendText(page, `number ${number}`);
    assert.equal(JSON.parse(await kept(page, "texts")).length, 20);
  },

  async "where nothing can be kept, or something else was, the page works as on the first visit"(bench) {
    const program = await bench.startProgram();
    for (const spoil of [
      () => Object.defineProperty(window, "localStorage", { get: () => { throw new DOMException("blocked", "SecurityError"); } }),
      () => {
        localStorage.setItem("silverback.texts", '{"not":"a list"}');
        localStorage.setItem("silverback.theme", "purple");
      },
      () => localStorage.setItem("silverback.texts", "[1, null, "),
      () => (Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); }),
    ]) {
      const page = await bench.openTab();
      await page.addInitScript(spoil);
      await page.goto(program.pageAddress());
      await reachState(page, "connected");
      await sendText(page, "still works");
      await received(page, 1);
    }
  },

  async "the message has the focus after opening, and after a connection that was asked for"(bench) {
    const { program, page } = await bench.connected();
    const focus = () => page.evaluate(() => document.activeElement.id);
    assert.equal(await focus(), "draft");
    await page.click("#toggle");
    await reachState(page, "disconnected");
    assert.equal(await focus(), "toggle");
    await page.focus("#address");
    await page.keyboard.press("Enter");
    await reachState(page, "connected");
    await until(page, () => document.activeElement.id === "draft", null, "the message to have the focus");
    bench.expectProblem(/WebSocket connection to .* failed/);
    await page.focus("#filter");
    await program.stop();
    await reachState(page, "waiting");
    await program.start();
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await reachState(page, "connected");
    assert.equal(await focus(), "filter", "who came back by itself leaves the focus where it is");
  },
};

async function connectTo(page, address) {
  if ((await page.evaluate(() => document.body.dataset.state)) !== "disconnected") {
    await page.click("#toggle");
    await reachState(page, "disconnected");
  }
  await page.fill("#address", address);
  await page.press("#address", "Enter");
  await reachState(page, "connected");
}

function kept(page, name) {
  return page.evaluate((wanted) => localStorage.getItem(`silverback.${wanted}`), name);
}
