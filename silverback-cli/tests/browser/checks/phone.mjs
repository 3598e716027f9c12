// A phone: the message, the log and what matters of the connection share the first view.

import assert from "node:assert/strict";
import { chooseMode, failedConnection, reachState, received, rows, sendText, until } from "../bench.mjs";

const phones = {
  small: { viewport: { width: 320, height: 640 }, hasTouch: true, isMobile: true },
  common: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
};

export default {
  async "on a phone the echo is in view: the connection folds, the options stand below the log"(bench) {
    for (const [size, phone] of Object.entries(phones)) {
      const { page } = await bench.connected(phone);
      assert.ok(await page.locator("#address").isHidden(), "the connection is folded");
      assert.ok(await page.locator("#toggle").isVisible(), "and can be ended");
      for (const text of ["first", "second", "third"]) await sendText(page, text);
      await received(page, 3);
      await until(page, () => document.querySelector("#row-count").textContent.startsWith("7 rows"), null, "the rows to be drawn");
      const places = await page.evaluate(() => {
        const box = (selector) => document.querySelector(selector).getBoundingClientRect();
        const log = box("#log");
        const last = box("#rows .group:last-child .row:last-child");
        return {
          scrolled: scrollY,
          draftIsInView: box("#draft").top >= 0 && box("#send").bottom <= innerHeight,
          echoIsInView: last.top >= log.top - 1 && last.bottom <= Math.min(log.bottom, innerHeight) + 1,
          optionsAreBelow: ["#modes", "#copies", "#every", "#filter", "#pause"].every((each) => box(each).top >= log.bottom),
        };
      });
      assert.deepEqual(places, { scrolled: 0, draftIsInView: true, echoIsInView: true, optionsAreBelow: true }, size);
      await bench.screenshot(page, `phone-${size}`);
    }
  },

  async "on a phone the connection unfolds on request, and by itself when it ends"(bench) {
    const { program, page } = await bench.connected(phones.common);
    assert.equal(await page.getAttribute("#fold", "aria-expanded"), "false");
    await page.tap("#fold");
    assert.equal(await page.getAttribute("#fold", "aria-expanded"), "true");
    assert.ok(await page.locator("#address").isVisible());
    await page.tap("#fold");
    assert.ok(await page.locator("#address").isHidden());
    bench.expectProblem(failedConnection);
    await program.stop();
    await reachState(page, "waiting");
    assert.ok(await page.locator("#address").isVisible(), "what to look at is in view");
    assert.ok(await page.locator("#close-details").isVisible());
    assert.ok(await page.locator("#fold").isHidden());
    await program.start();
    await page.tap("#toggle");
    await reachState(page, "connected");
    assert.ok(await page.locator("#address").isHidden());
  },

  async "a window that becomes narrow and wide again moves the options there and back"(bench) {
    const { page } = await bench.connected();
    const order = () =>
      page.evaluate(() => {
        const ids = ["draft", "modes", "send", "copies", "filter", "log"];
        return [...document.querySelectorAll("[id]")].map((element) => element.id).filter((id) => ids.includes(id));
      });
    const wide = await order();
    assert.deepEqual(wide, ["modes", "draft", "send", "copies", "filter", "log"]);
    await page.setViewportSize(phones.common.viewport);
    await until(page, () => !document.querySelector("#options").hidden, null, "the options to move");
    assert.deepEqual(await order(), ["draft", "send", "filter", "log", "modes", "copies"]);
    await chooseMode(page, "hex");
    await page.fill("#copies", "2");
    await sendText(page, "c0 ff ee");
    assert.deepEqual((await received(page, 2)).map((row) => row.kind), ["binary", "binary"], "the options still count");
    await page.setViewportSize({ width: 1280, height: 800 });
    await until(page, () => document.querySelector("#options").hidden, null, "the options to move back");
    assert.deepEqual(await order(), wide);
    assert.ok(await page.locator("#address").isVisible());
  },

  async "turning a phone does not lose the latest row"(bench) {
    const { page } = await bench.connected(phones.common);
    await page.evaluate(() => (document.querySelector("#copies").value = "60"));
    await sendText(page, "a message that takes more than one line on a phone ".repeat(3));
    await received(page, 60);
    for (const viewport of [{ width: 844, height: 390 }, { width: 390, height: 1400 }, phones.common.viewport]) {
      await page.setViewportSize(viewport);
      await until(page, () => {
        const log = document.querySelector("#log");
        return log.scrollHeight - log.scrollTop - log.clientHeight < 2 && document.querySelector("#latest").hidden;
      }, null, `the latest row at ${viewport.width} pixels`);
    }
    assert.equal((await rows(page)).length, 121);
  },
};
