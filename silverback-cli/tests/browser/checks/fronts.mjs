// Proxies in front of the service that are set up as people do it at first: the page says what is missing.

import assert from "node:assert/strict";
import { failedConnection, reachState, received, rows, sendText, until, untilText } from "../bench.mjs";
import { startProxy } from "../proxy.mjs";

export default {
  async "behind a proxy that replaces Host, the page says so, names the setting and stops trying"(bench) {
    const program = await bench.startProgram();
    const { port } = await startProxy(bench, program, (head) => oneRequest(head.replace(/^host:.*$/im, `Host: ${program.authority()}`)));
    bench.expectProblem(failedConnection);
    bench.expectProblem(/status of 403/);
    const page = await bench.openTab();
    await page.clock.install();
    await page.goto(`http://127.0.0.1:${port}/ws/echo_display`);
    await untilText(page, "#close-hint", "proxy_set_header Host $http_host");
    await reachState(page, "disconnected");
    const origin = `http://127.0.0.1:${port}`;
    assert.equal(await page.textContent("#close-command"), `silverback check ws://127.0.0.1:${port}/ws/echo --origin ${origin}`);
    assert.match(await page.textContent("#close-hint"), new RegExp(`127\\.0\\.0\\.1:${port}`));
    await page.clock.fastForward(300_000);
    assert.equal((await rows(page)).filter((row) => row.kind === "close").length, 1, "it is tried once");
    assert.equal((await rows(page)).filter((row) => row.kind === "advice").length, 1);
    // The person may try again, after the proxy was set right or not.
    await page.click("#toggle");
    await until(page, () => document.querySelectorAll('#rows .row[data-kind="close"]').length === 2, null, "another attempt");
    await reachState(page, "disconnected");
    await untilText(page, "#close-hint", "proxy_set_header Host");
    assert.equal((await rows(page)).filter((row) => row.kind === "advice").length, 1, "it is said once");
  },

  async "behind a proxy that strips the upgrade, the page says so, and gives up after a few attempts"(bench) {
    const program = await bench.startProgram();
    const { port } = await startProxy(bench, program, (head) => {
      const changed = head.replace(/^host:.*$/im, `Host: 127.0.0.1:${program.port}`).replace(/^origin:.*$/im, `Origin: http://127.0.0.1:${program.port}`);
      return oneRequest(changed.replace(/^upgrade:.*\r\n/im, ""));
    });
    bench.expectProblem(failedConnection);
    const page = await bench.openTab();
    await page.clock.install();
    await page.goto(`http://127.0.0.1:${port}/ws/echo_display`);
    await untilText(page, "#close-hint", "proxy_set_header Upgrade");
    assert.equal(await page.textContent("#close-command"), `silverback check ws://127.0.0.1:${port}/ws/echo`);
    for (let attempt = 1; attempt < 5; attempt += 1) {
      await until(page, (count) => document.querySelectorAll('#rows .row[data-kind="close"]').length >= count, attempt, `attempt ${attempt}`);
      await reachState(page, "waiting");
      await page.clock.fastForward(60_000);
    }
    await reachState(page, "disconnected");
    await page.clock.fastForward(300_000);
    assert.equal((await rows(page)).filter((row) => row.kind === "close").length, 5);
  },

  async "behind a proxy that hands on what came, the page just works, and asks nothing"(bench) {
    const program = await bench.startProgram();
    const { port } = await startProxy(bench, program, oneRequest);
    const page = await bench.openTab();
    const asked = [];
    page.on("request", (request) => asked.push(request.method()));
    await page.goto(`http://127.0.0.1:${port}/ws/echo_display`);
    await reachState(page, "connected");
    await sendText(page, "through");
    await received(page, 1);
    assert.deepEqual(asked.filter((method) => method !== "GET"), []);
  },
};

/** Only the head of a connection's first request is changed, so there is no second. */
function oneRequest(head) {
  return /^upgrade:/im.test(head) ? head : head.replace(/^connection:.*$/im, "Connection: close");
}
