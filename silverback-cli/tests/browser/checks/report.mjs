// The report of `bench`: the same text size on a phone and on a desk, nothing that sticks out, and all of it by keyboard.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

export default {
  async "the bench report reads the same on a phone and on a desk, light and dark"(bench) {
    const program = await bench.startProgram();
    const file = path.join(bench.artifacts, "report.html");
    const url = `ws://me:s3cret@${program.authority()}/ws/echo?token=s3cret${"-and-more".repeat(20)}`;
    const words = ["bench", url, "-c", "3", "-n", "2000", "-H", "X-Api-Key: s3cret", "--report", file];
    const { stderr } = await run(program.file, words);
    assert.ok(stderr.includes(file), `the file is named: ${stderr}`);
    const sizes = [];
    for (const [width, colorScheme] of [[320, "dark"], [390, "light"], [1280, "light"]]) {
      const page = await bench.openTab({ viewport: { width, height: 800 }, colorScheme });
      await page.goto(pathToFileURL(file).href);
      assert.ok(!(await page.content()).includes("s3cret"));
      const found = await page.evaluate(() => {
        const boxes = [...document.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect()).filter((box) => box.width > 0);
        const overlaps = boxes.filter((box, index) =>
          boxes.slice(index + 1).some((other) => box.left < other.right && other.left < box.right && box.top + 2 < other.bottom && other.top + 2 < box.bottom),
        );
        return {
          heights: [...new Set(boxes.map((box) => Math.round(box.height)))],
          overlaps: overlaps.length,
          beyond: [...document.body.querySelectorAll("*")].filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5 && !element.closest("table")).map((element) => element.outerHTML.slice(0, 90)),
          width: document.documentElement.scrollWidth,
          plots: document.querySelectorAll("svg[role=img]").length,
        };
      });
      assert.deepEqual({ ...found, heights: null }, { heights: null, overlaps: 0, beyond: [], width, plots: found.plots });
      assert.ok(found.plots >= 3, "percentiles, histogram, throughput");
      sizes.push(...found.heights);
      await bench.screenshot(page, `report-${width}-${colorScheme}`);
    }
    assert.equal(new Set(sizes).size, 1, `one text size everywhere: ${sizes}`);
  },

  async "the bench report's table scrolls by keyboard, and its headers all say something"(bench) {
    const program = await bench.startProgram();
    const file = path.join(bench.artifacts, "report-narrow.html");
    await run(program.file, ["bench", `ws://${program.authority()}/ws/echo`, "-c", "1", "-n", "200", "--report", file]);
    const page = await bench.openTab({ viewport: { width: 320, height: 640 } });
    await page.goto(pathToFileURL(file).href);
    const table = page.getByRole("region", { name: "Percentiles" });
    for (let step = 0; step < 5 && !(await table.evaluate((element) => element === document.activeElement)); step += 1) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => document.activeElement.scrollLeft > 0);
    assert.deepEqual(await page.locator("th").evaluateAll((headers) => headers.filter((header) => !header.textContent.trim()).length), 0);
    assert.match(await page.locator("time").getAttribute("datetime"), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(await page.locator(".command").textContent(), /^silverback bench ws:\/\/.* --connections 1 --messages 200 --report /);
    assert.ok((await page.getByRole("img", { name: "Histogram of round trip" }).locator("rect").count()) > 0);
  },
};
