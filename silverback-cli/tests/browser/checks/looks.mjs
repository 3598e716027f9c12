// Wide and narrow, light and dark: nothing sticks out, everything can be read, and pictures are kept.

import assert from "node:assert/strict";
import { chooseMode, failedConnection, reachState, received, sendText, until } from "../bench.mjs";

const widths = { wide: { width: 1280, height: 800 }, medium: { width: 800, height: 900 }, narrow: { width: 320, height: 640 } };

export default {
  async "screenshots: every width, light and dark, empty, in use and waiting"(bench) {
    let kept = 0;
    for (const [size, viewport] of Object.entries(widths)) {
      for (const colorScheme of ["light", "dark"]) {
        const { program, page } = await bench.connected({ viewport, colorScheme });
        const keep = async (moment, selector) => {
          await page.evaluate((where) => document.querySelector(where).scrollIntoView(), selector);
          await bench.screenshot(page, `${size}-${colorScheme}-${moment}`);
          kept += 1;
        };
        await keep("empty", ".connection");
        await useIt(page);
        await page.fill("#draft", "A draft that waits");
        await keep("log", ".output");
        await keep("round-trips", ".latency");
        bench.expectProblem(failedConnection);
        await program.stop();
        await reachState(page, "waiting");
        await keep("waiting", ".connection");
        await bench.dispose();
        bench.contexts = [];
        bench.programs = [];
        bench.pages = [];
      }
    }
    return `${kept} kept`;
  },

  async "at 320 pixels nothing scrolls sideways, whatever is shown"(bench) {
    const { program, page } = await bench.connected({ viewport: widths.narrow });
    await assertNoSidewaysScroll(page, "empty");
    await useIt(page);
    await sendText(page, "x".repeat(500));
    await sendText(page, "ﷺ".repeat(60));
    await assertNoSidewaysScroll(page, "with rows");
    await page.locator('#rows [data-action="expand"]').first().click();
    await page.click("#fold");
    await page.click("#closing summary");
    await chooseMode(page, "hex");
    await page.fill("#draft", "zz");
    await page.press("#draft", "Enter");
    await assertNoSidewaysScroll(page, "with a fault and a hex dump");
    await chooseMode(page, "file");
    await page.setInputFiles("#file", { name: `${"long-name".repeat(20)}.bin`, mimeType: "text/plain", buffer: Buffer.from("x") });
    await assertNoSidewaysScroll(page, "with a file of a long name");
    bench.expectProblem(failedConnection);
    await program.stop();
    await reachState(page, "waiting");
    await assertNoSidewaysScroll(page, "while waiting");
  },

  async "text and its ground differ enough in light and dark (AA: 4.5 to 1)"(bench) {
    for (const colorScheme of ["light", "dark"]) {
      // Without motion: a colour half way to its next would be judged.
      const { program, page } = await bench.connected({ colorScheme, reducedMotion: "reduce" });
      await useIt(page);
      assert.deepEqual(await page.evaluate(weakContrasts), [], `${colorScheme}, in use`);
      bench.expectProblem(failedConnection);
      await program.stop();
      await reachState(page, "waiting");
      await page.press("#draft", "Enter");
      assert.deepEqual(await page.evaluate(weakContrasts), [], `${colorScheme}, waiting`);
    }
  },

  async "the theme can be chosen against the system's, and the choice is remembered"(bench) {
    const { page } = await bench.connected({ colorScheme: "light" });
    const isDark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).every((part) => Number(part) < 80));
    assert.equal(await isDark(), false);
    await page.selectOption("#theme", "dark");
    assert.equal(await isDark(), true);
    await page.reload();
    assert.equal(await isDark(), true);
    assert.equal(await page.inputValue("#theme"), "dark");
    await page.selectOption("#theme", "auto");
    assert.equal(await isDark(), false);
  },

  async "on a desk everything fits: the page itself does not scroll, the log does"(bench) {
    const { page } = await bench.connected({ viewport: widths.wide });
    await page.fill("#copies", "60");
    await sendText(page, "fill");
    await received(page, 60);
    const sizes = await page.evaluate(() => {
      const log = document.querySelector("#log");
      return { page: document.documentElement.scrollHeight - innerHeight, log: log.scrollHeight - log.clientHeight };
    });
    assert.equal(sizes.page, 0);
    assert.ok(sizes.log > 0);
  },
};

async function useIt(page) {
  const texts = ["Hello, silverback", "<img src=x onerror=alert(1)>", "مرحبا بالعالم 🦍 e\u0301", '{"user":{"id":42,"tags":["a","b"]},"ok":true}', "two\nlines", "long ".repeat(200)];
  for (const text of texts) await sendText(page, text);
  await chooseMode(page, "hex");
  await sendText(page, "00 01 02 ff fe 7f 41 42");
  await sendText(page, "0123456789abcdef".repeat(10));
  await chooseMode(page, "text");
  await page.fill("#copies", "30");
  await page.fill("#every", "3");
  await sendText(page, '{"tick":1}');
  await received(page, texts.length + 2 + 30);
  await page.fill("#copies", "1");
  await page.fill("#every", "0");
  await until(page, () => document.querySelector("#p99").textContent !== "–", null, "the round trips to be shown");
}

async function assertNoSidewaysScroll(page, moment) {
  const widest = await page.evaluate(() => {
    const beyond = [...document.body.querySelectorAll("*")].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.right > innerWidth + 0.5 && !element.closest(".visually-hidden, .dump .payload, option");
    });
    return { page: document.documentElement.scrollWidth, log: document.querySelector("#log").scrollWidth - document.querySelector("#log").clientWidth, beyond: beyond.map((element) => element.outerHTML.slice(0, 100)) };
  });
  assert.deepEqual(widest, { page: 320, log: 0, beyond: [] }, moment);
}

/** Elements whose own text stands out too little from the nearest ground behind it. */
function weakContrasts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = parse(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const weak = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const ownText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!ownText || element.closest("svg, script, style, noscript, .skip, .visually-hidden, option") || element.checkVisibility?.({ opacityProperty: true }) === false) continue;
    if (getComputedStyle(element).opacity === "0") continue;
    const [text, ground] = [luminance(parse(getComputedStyle(element).color)), luminance(groundOf(element))];
    const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    if (ratio < 4.5) weak.add(`${element.tagName}.${element.className}#${element.id} ${ratio.toFixed(2)}`);
  }
  return [...weak];
}
