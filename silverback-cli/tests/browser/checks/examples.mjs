// The examples that serve a page, as programs, and their pages.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { failedConnection, until, untilText } from "../bench.mjs";

/** The checks of the examples whose programs are in this folder. */
export default (folder) => ({
  async "chat: two guests talk, and one sees the other leave and the server end"(bench) {
    const chat = await start(bench, folder, "chat", "127.0.0.1:0");
    const [first, second] = [await bench.openTab(), await bench.openTab({ colorScheme: "dark" })];
    await first.goto(chat.address);
    await untilText(first, "#log", "you are guest 1");
    await second.goto(chat.address);
    await untilText(first, "#log", "guest 2 joined");

    await type(first, "#draft", "hello <b>everybody</b>");
    await untilText(second, "#log", "hello <b>everybody</b>");
    await type(second, "#draft", "hello: you");
    for (const page of [first, second]) await until(page, said, ["guest 2", "hello: you"], "the answer");
    const own = (page) => page.locator("#log .own").allTextContents();
    assert.deepEqual(await own(first), ["guest 1hello <b>everybody</b>"]);
    assert.deepEqual(await own(second), ["guest 2hello: you"]);
    for (const [page, name] of [[first, "light"], [second, "dark"]]) await bench.screenshot(page, `example-chat-${name}`);

    await first.close();
    await untilText(second, "#log", "guest 1 left");
    await interrupt(chat);
    await untilText(second, "#status", "the server is going away (1001)");
    assert.ok(await second.isDisabled("#send"));
    assert.ok(await second.isVisible("#again"));
  },

  async "command: a program reads, writes and ends behind its page, and starts again"(bench) {
    const script = 'while read -r line; do echo "you said: $line ✓"; done; echo bye >&2; exit 3';
    const command = await start(bench, folder, "command", "127.0.0.1:0", "sh", "-c", script);
    const page = await bench.openTab();
    await page.goto(command.address);
    await untilText(page, "#status", "Running");
    await type(page, "#line", "grüße 🌀");
    await untilText(page, "#output", "you said: grüße 🌀 ✓");
    await page.click("#finish");
    await untilText(page, "#status", "exit status: 3 (4000)");
    await untilText(page, "#output", "bye");
    await bench.screenshot(page, "example-command");
    await page.click("#again");
    await untilText(page, "#status", "Running");
    assert.equal(await page.textContent("#output"), "");
  },

  async "filewatch: a page follows its file, and finds the server again when it is back"(bench) {
    const place = await mkdtemp(path.join(tmpdir(), "silverback-"));
    bench.closeLater(() => rm(place, { recursive: true }));
    const [file, next] = [path.join(place, "watched"), path.join(place, "next")];
    const filewatch = await start(bench, folder, "filewatch", file, "127.0.0.1:0");
    const page = await bench.openTab();
    await page.goto(filewatch.address);
    await untilText(page, "#status", "Nothing to show");
    await writeFile(file, "<i>first</i>\n");
    await untilText(page, "#content", "<i>first</i>");
    await writeFile(next, "second\n");
    await rename(next, file);
    await untilText(page, "#content", "second");
    await bench.screenshot(page, "example-filewatch");

    bench.expectProblem(failedConnection);
    await interrupt(filewatch);
    await untilText(page, "#status", "Not connected");
    await writeFile(file, "third\n");
    await start(bench, folder, "filewatch", file, new URL(filewatch.address).host);
    await untilText(page, "#content", "third");
  },
});

/** Starts an example, which says where it listens. */
async function start(bench, folder, name, ...options) {
  const child = spawn(path.join(folder, name), options, { stdio: ["ignore", "pipe", "inherit"] });
  bench.closeLater(() => child.kill("SIGKILL"));
  const [line] = await Promise.race([once(child.stdout, "data"), once(child, "error").then(([error]) => Promise.reject(error))]);
  return { child, address: String(line).trim().replace("listening ", "") };
}

/** Ctrl-C. The program must end in order. */
async function interrupt({ child }) {
  const ended = once(child, "exit");
  child.kill("SIGINT");
  assert.deepEqual(await ended, [0, null]);
}

async function type(page, selector, text) {
  await page.fill(selector, text);
  await page.press(selector, "Enter");
}

/** Runs in the page. */
function said([author, words]) {
  return [...document.querySelectorAll("#log li")].some((line) => line.textContent === author + words);
}
