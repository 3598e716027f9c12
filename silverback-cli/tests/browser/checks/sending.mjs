// Messages that are typed or chosen, their replies, and the time that each took.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chooseMode, exported, received, rows, sendText, until, untilText } from "../bench.mjs";

export default {
  async "Enter sends, the echo comes back with its round trip"(bench) {
    const { page } = await bench.connected();
    await sendText(page, "Hello, silverback");
    const [echo] = await received(page, 1);
    assert.equal(echo.payload, "Hello, silverback");
    assert.equal(echo.size, "17 B");
    assert.match(echo.time, /^\d\d:\d\d:\d\d\.\d{3}$/);
    assert.equal(echo.word, "↓Received");
    assert.ok(echo.roundTrip >= 0 && echo.roundTrip < 30_000, `round trip ${echo.roundTrip}`);
    const sent = (await rows(page)).find((row) => row.direction === "sent");
    assert.equal(sent.payload, "Hello, silverback");
    assert.equal(sent.word, "↑Sent");
    await untilText(page, "#latency-note", "Of 1 round trip.");
    for (const id of ["p50", "p95", "p99", "last-round-trip"]) {
      assert.match(await page.textContent(`#${id}`), /^[\d.]+ m?s$/);
    }
    assert.equal(await page.locator("#plot .bar").first().getAttribute("d").then((d) => d.split("M").length - 1), 1);
    assert.equal(await page.textContent("#sent-total"), "1 (17 B)");
    assert.equal(await page.textContent("#received-total"), "1 (17 B)");
  },

  async "markup comes back as text, and no script runs"(bench) {
    const { page } = await bench.connected();
    const attacks = [
      "<img src=x onerror=alert(1)>",
      "<script>alert(2)</script>",
      "<svg onload=alert(3)>",
      "</textarea><iframe srcdoc='<script>alert(4)</script>'>",
      "<a href=javascript:alert(5)>x</a>",
    ];
    for (const attack of attacks) await sendText(page, attack);
    const echoes = await received(page, attacks.length);
    assert.deepEqual(echoes.map((row) => row.payload), attacks);
    assert.equal(await page.locator("img, iframe, #rows svg, #rows script, #rows a").count(), 0);
  },

  async "text beyond ASCII comes back identical"(bench) {
    const { page } = await bench.connected();
    const texts = [
      "🦍 👩‍👩‍👧‍👦 🏴‍☠️ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
      "e\u0301 a\u0308\u0323 ก็ นี้ Z\u0351\u036B\u0343",
      "مرحبا بالعالم, שלום עולם",
      "\u202Ereversed\u202C \u2066isolate\u2069",
      "日本語 한국어 \u{10FFFF}\uFFFD\u00A0|",
    ];
    for (const text of texts) await sendText(page, text);
    const echoes = await received(page, texts.length);
    const marked = (text) => text.replace(/[\u202A-\u202E\u2066-\u2069]/g, (each) => `[U+${each.charCodeAt(0).toString(16).toUpperCase()}]`);
    assert.deepEqual(echoes.map((row) => row.payload), texts.map(marked));
    assert.deepEqual(echoes.map((row) => row.size), texts.map((text) => `${Buffer.byteLength(text)} B`));
    assert.ok(echoes.every((row) => row.roundTrip !== null), "each echo has a round trip");
    assert.deepEqual((await exported(page)).filter((line) => line.direction === "received").map((line) => line.data), texts);
  },

  async "an unpaired surrogate becomes U+FFFD, and its echo still counts"(bench) {
    const { page } = await bench.connected();
    await page.evaluate(() => {
      const draft = document.querySelector("#draft");
      draft.value = `half ${String.fromCharCode(0xd83e)} pair`;
      draft.dispatchEvent(new Event("input"));
    });
    await page.press("#draft", "Enter");
    const [echo] = await received(page, 1);
    assert.equal(echo.payload, "half \uFFFD pair");
    assert.notEqual(echo.roundTrip, null);
  },

  async "invisible characters are shown as marks and exported as they are"(bench) {
    const { page } = await bench.connected();
    await page.evaluate(() => {
      const draft = document.querySelector("#draft");
      draft.value = "bell \u0007 escape \u001b[2J tab \t reversed \u202e blank \u3164 C1 \u009b joined 👨\u200d👩";
      draft.dispatchEvent(new Event("input"));
    });
    await page.press("#draft", "Enter");
    const [echo] = await received(page, 1);
    const shown = "bell ␇ escape ␛[2J tab \t reversed [U+202E] blank [U+3164] C1 [U+009B] joined 👨\u200d👩";
    assert.equal(echo.payload, shown);
    const lines = await exported(page);
    assert.equal(
      lines.at(-1).data,
      "bell \u0007 escape \u001b[2J tab \t reversed \u202e blank \u3164 C1 \u009b joined 👨\u200d👩",
    );
  },

  async "an empty message is a message"(bench) {
    const { page } = await bench.connected();
    await page.press("#draft", "Enter");
    const [echo] = await received(page, 1);
    assert.deepEqual([echo.kind, echo.size, echo.payload], ["text", "0 B", ""]);
    assert.notEqual(echo.roundTrip, null);
  },

  async "bytes from hex come back identical"(bench) {
    const { page } = await bench.connected();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await chooseMode(page, "hex");
    await sendText(page, "0x00, 01:02\nFF fe 80");
    await sendText(page, bytes.toString("hex"));
    const [short, all] = await received(page, 2);
    assert.deepEqual([short.kind, short.payload, short.size], ["binary", "00 01 02 ff fe 80", "6 B"]);
    assert.equal(all.size, "256 B");
    assert.ok(short.roundTrip !== null && all.roundTrip !== null);
    const lines = (await exported(page)).filter((line) => line.type === "binary");
    assert.deepEqual(lines.map((line) => [line.direction, line.base64]), [
      ["sent", "AAEC//6A"],
      ["received", "AAEC//6A"],
      ["sent", bytes.toString("base64")],
      ["received", bytes.toString("base64")],
    ]);
  },

  async "bytes from base64 come back identical, in both alphabets"(bench) {
    const { page } = await bench.connected();
    const bytes = Buffer.from("fbefbe00ff10f7", "hex");
    await chooseMode(page, "base64");
    await sendText(page, bytes.toString("base64"));
    await sendText(page, bytes.toString("base64url"));
    const echoes = await received(page, 2);
    assert.deepEqual(echoes.map((row) => row.payload), ["fb ef be 00 ff 10 f7", "fb ef be 00 ff 10 f7"]);
    assert.ok(echoes.every((row) => row.kind === "binary" && row.roundTrip !== null));
  },

  async "a file comes back identical"(bench) {
    const { page } = await bench.connected();
    const bytes = randomBytes(200_001);
    await chooseMode(page, "file");
    await page.setInputFiles("#file", { name: "noise.bin", mimeType: "application/octet-stream", buffer: bytes });
    assert.equal(await page.textContent("#draft-size"), "195.3 KiB");
    await page.click("#send");
    const [echo] = await received(page, 1);
    assert.equal(echo.kind, "binary");
    assert.notEqual(echo.roundTrip, null);
    const line = (await exported(page)).at(-1);
    assert.equal(line.size, bytes.length);
    assert.ok(Buffer.from(line.base64, "base64").equals(bytes), "the bytes differ");
  },

  async "a file dropped on the composer is chosen"(bench) {
    const { page } = await bench.connected();
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([new Uint8Array([1, 2, 250])], "dropped.bin"));
      const form = document.querySelector("#composer");
      form.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    });
    assert.equal(await page.evaluate(() => document.querySelector("#file").files[0].name), "dropped.bin");
    await page.click("#send");
    assert.equal((await received(page, 1))[0].payload, "01 02 fa");
  },

  async "what is no hex or base64 stays in the composer with the reason"(bench) {
    const { page } = await bench.connected();
    for (const [mode, draft, reason] of [
      ["hex", "abc", "odd"],
      ["hex", "12 3g", "“g” is not a hex digit"],
      ["base64", "abc$", "“$” does not belong"],
      ["base64", "abcde", "missing or too many"],
      ["base64", "ab=c", "only allowed at the end"],
      ["base64", "abc==", "wrong length"],
    ]) {
      await chooseMode(page, mode);
      await page.fill("#draft", draft);
      await page.press("#draft", "Enter");
      await untilText(page, "#composer-note", reason);
      assert.equal(await page.inputValue("#draft"), draft);
      assert.equal(await page.getAttribute("#draft", "aria-invalid"), "true");
    }
    await chooseMode(page, "file");
    await page.click("#send");
    await untilText(page, "#composer-note", "Choose a file");
    assert.equal((await rows(page)).filter((row) => row.direction === "sent").length, 0);
  },

  async "Shift+Enter breaks the line, and an input method keeps its Enter"(bench) {
    const { page } = await bench.connected();
    await page.focus("#draft");
    await page.keyboard.type("first");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second");
    await page.evaluate(() => {
      const enter = { key: "Enter", bubbles: true, cancelable: true };
      document.querySelector("#draft").dispatchEvent(new KeyboardEvent("keydown", { ...enter, isComposing: true }));
      document.querySelector("#draft").dispatchEvent(new KeyboardEvent("keydown", { ...enter, keyCode: 229 }));
    });
    assert.equal(await page.inputValue("#draft"), "first\nsecond");
    await page.keyboard.press("Enter");
    assert.equal((await received(page, 1))[0].payload, "first\nsecond");
  },

  async "Up recalls what was sent, Down comes back to the draft"(bench) {
    const { page } = await bench.connected();
    for (const text of ["one", "two\nlines", "three"]) await sendText(page, text);
    await page.fill("#draft", "unsent");
    await page.press("#draft", "Home");
    const steps = [
      ["ArrowUp", "three"],
      ["ArrowUp", "two\nlines"],
      ["ArrowUp", "one"],
      ["ArrowUp", "one"],
      ["ArrowDown", "two\nlines"],
      ["ArrowDown", "three"],
      ["ArrowDown", "unsent"],
    ];
    for (const [key, expected] of steps) {
      await page.press("#draft", key);
      assert.equal(await page.inputValue("#draft"), expected, `after ${key}`);
    }
    await page.fill("#draft", "");
    await page.press("#draft", "ArrowUp");
    await page.press("#draft", "Enter");
    assert.equal((await received(page, 4)).at(-1).payload, "three");
  },

  async "each way of sending keeps its own draft and recall"(bench) {
    const { page } = await bench.connected();
    await page.fill("#draft", "a text");
    await chooseMode(page, "hex");
    assert.equal(await page.inputValue("#draft"), "");
    await sendText(page, "c0 ff ee");
    await page.press("#draft", "ArrowUp");
    assert.equal(await page.inputValue("#draft"), "c0 ff ee");
    await chooseMode(page, "text");
    assert.equal(await page.inputValue("#draft"), "a text");
  },

  async "500 messages in a burst come back in order, each with its round trip"(bench) {
    const { page } = await bench.connected();
    const longestFrame = await page.evaluate(async () => {
      let longest = 0;
      let last = performance.now();
      let watching = true;
      const watch = (now) => {
        longest = Math.max(longest, now - last);
        last = now;
        if (watching) requestAnimationFrame(watch);
      };
      requestAnimationFrame(watch);
      const draft = document.querySelector("#draft");
      for (let number = 0; number < 500; number += 1) {
        draft.value = `message ${number}`;
        draft.dispatchEvent(new Event("input"));
        draft.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
        for (let turn = 0; draft.value && turn < 1000; turn += 1) await Promise.resolve();
      }
      while (document.querySelectorAll('#rows [data-direction="received"]').length < 500) {
        await new Promise((resume) => requestAnimationFrame(resume));
      }
      watching = false;
      return longest;
    });
    const echoes = await received(page, 500);
    assert.deepEqual(echoes.map((row) => row.payload), Array.from({ length: 500 }, (_, number) => `message ${number}`));
    assert.ok(echoes.every((row) => row.roundTrip !== null), "a round trip is missing");
    await untilText(page, "#latency-note", "Of 500 round trips.");
    return `longest frame ${Math.round(longestFrame)} ms`;
  },

  async "a message is repeated as often as asked, and Stop ends it"(bench) {
    const { page } = await bench.connected();
    await page.fill("#copies", "500");
    await sendText(page, "again");
    const echoes = await received(page, 500);
    assert.ok(echoes.every((row) => row.payload === "again" && row.roundTrip !== null));
    await until(page, () => document.querySelector("#send").textContent === "Send", null, "the button to be Send again");
    await page.fill("#copies", "10000");
    await page.fill("#every", "1000");
    await sendText(page, "slowly");
    await untilText(page, "#send", "Stop");
    await page.click("#send");
    await untilText(page, "#send", "Send");
    const slow = (await rows(page)).filter((row) => row.direction === "sent" && row.payload === "slowly");
    assert.ok(slow.length >= 1 && slow.length < 10_000);
  },
};
