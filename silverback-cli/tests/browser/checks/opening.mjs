// Opening the page: its policy, its address, and what it connects to.

import assert from "node:assert/strict";
import { once } from "node:events";
import { reachState, rows, sendText, received } from "../bench.mjs";
import { startProxy } from "../proxy.mjs";

export default {
  async "the page comes with a strict policy, and connects by itself"(bench) {
    const program = await bench.startProgram();
    const page = await bench.openTab();
    const response = await page.goto(program.pageAddress());
    const policy = (await response.allHeaders())["content-security-policy"];
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-[^ ]+';/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    await reachState(page, "connected");
    assert.equal(await page.textContent("#status-word"), "Connected");
    const [first] = await rows(page);
    assert.equal(first.kind, "open");
  },

  async "no resource is fetched but the page itself, and the version of its WebSocket"(bench) {
    const program = await bench.startProgram();
    const page = await bench.openTab();
    const requests = [];
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(program.pageAddress());
    await reachState(page, "connected");
    await sendText(page, "still nothing");
    await received(page, 1);
    const fetched = requests.filter((address) => !address.startsWith("data:"));
    assert.equal(fetched.shift(), program.pageAddress());
    assert.equal(fetched.length, 1);
    assert.match(fetched[0], /^http:\/\/[^/]+\/ws\/version\?tag=[0-9a-f]{32}$/);
    assert.equal(await page.textContent("#page-version"), "HTTP/1.1");
    assert.equal(await page.textContent("#socket-version"), "HTTP/1.1");
  },

  async "the root leads to the page"(bench) {
    const program = await bench.startProgram();
    const page = await bench.openTab();
    await page.goto(`http://${program.authority()}/`);
    assert.equal(page.url(), program.pageAddress());
    await reachState(page, "connected");
  },

  async "a strange page cannot put this one in a frame"(bench) {
    const program = await bench.startProgram();
    const { default: http } = await import("node:http");
    const server = http.createServer((_, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end(`<!doctype html><iframe src="${program.pageAddress()}"></iframe>`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    bench.closeLater(() => server.close());
    bench.expectProblem(/frame-ancestors|chrome-error|Refused to frame|ERR_BLOCKED_BY_RESPONSE/);
    const page = await bench.openTab();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    for (const frame of page.frames().slice(1)) {
      assert.equal(await frame.locator("#status-word").count(), 0, "the page was shown in a frame");
    }
    assert.equal(page.frames().length, 2);
  },

  async "the address follows the one of the page: 127.0.0.1 and localhost"(bench) {
    const program = await bench.startProgram();
    for (const host of [`127.0.0.1:${program.port}`, `localhost:${program.port}`]) {
      const page = await bench.openTab();
      await page.goto(`${program.pageAddress(host)}?query#fragment`);
      await reachState(page, "connected");
      assert.equal(await page.inputValue("#address"), `ws://${host}/ws/echo`);
    }
  },

  async "the address follows the one of the page: [::1]"(bench) {
    const program = await bench.startProgram("::1");
    const page = await bench.openTab();
    await page.goto(program.pageAddress());
    await reachState(page, "connected");
    assert.equal(await page.inputValue("#address"), `ws://[::1]:${program.port}/ws/echo`);
  },

  async "behind a proxy with a path prefix the page finds its service"(bench) {
    const program = await bench.startProgram();
    const port = await prefixProxy(bench, program, "/tools/ws-test");
    const page = await bench.openTab();
    await page.goto(`http://127.0.0.1:${port}/tools/ws-test/ws/echo_display`);
    await reachState(page, "connected");
    assert.equal(await page.inputValue("#address"), `ws://127.0.0.1:${port}/tools/ws-test/ws/echo`);
    await sendText(page, "through the proxy");
    assert.equal((await received(page, 1))[0].payload, "through the proxy");
  },
};

/** Takes `prefix` off the path of each request, and hands everything else on as it is. One request per connection. */
async function prefixProxy(bench, program, prefix) {
  const { port } = await startProxy(bench, program, (head) => {
    const text = head.replace(` ${prefix}/`, " /");
    return /^upgrade:/im.test(text) ? text : text.replace(/^connection:.*$/im, "Connection: close");
  });
  return port;
}
