// The programs of the tutorial, and their pages.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { untilText } from "../bench.mjs";

/** The checks of the tutorial whose programs are in this folder. */
export default (folder) => ({
  async "tutorial, part 1: the echo comes back as text"(bench) {
    const tab = await bench.openTab();
    await tab.goto(await start(bench, folder, "echo"));
    await untilText(tab, "#log", "connected");
    await say(tab, "hello <b>echo</b>");
    await untilText(tab, "#log", "hello <b>echo</b>");
  },

  async "tutorial, part 2: guests hear each other, and a newcomer gets the last messages"(bench) {
    const address = await start(bench, folder, "chat");
    const [ada, bob] = [await bench.openTab(), await bench.openTab()];
    await ada.goto(address);
    await untilText(ada, "#status", "connected");
    await say(ada, "hello <b>everybody</b>");
    await bob.goto(address);
    await untilText(bob, "#log", "hello <b>everybody</b>");
    await say(bob, "hello you");
    await untilText(ada, "#log", "hello you");
  },

  async "tutorial, part 3: who logs in talks under that name"(bench) {
    const tab = await bench.openTab();
    await tab.goto(await start(bench, folder, "login"));
    await tab.fill("#name", "ada");
    await tab.fill("#password", "silver");
    await tab.press("#password", "Enter");
    await untilText(tab, "#status", "connected");
    await say(tab, "hello");
    await untilText(tab, "#log", "ada: hello");
  },
});

/** Starts a program on a free port and returns the address of its page. */
async function start(bench, folder, name) {
  const child = spawn(path.join(folder, name), ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  bench.closeLater(() => child.kill("SIGKILL"));
  const [line] = await Promise.race([once(child.stdout, "data"), once(child, "error").then(([error]) => Promise.reject(error))]);
  assert.match(String(line), /^Open http:/);
  return String(line).trim().replace("Open ", "");
}

async function say(tab, words) {
  await tab.fill("#text", words);
  await tab.press("#text", "Enter");
}
