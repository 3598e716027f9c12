// The page and its WebSocket over HTTP/2 and HTTP/3, from a service with TLS.

import assert from "node:assert/strict";
import { reachState, received, sendText, until } from "../bench.mjs";

export default {
  async "over TLS the page and its WebSocket use HTTP/2, and the page says so"(bench) {
    await reachesOver(bench, "HTTP/2", ["--disable-quic"]);
  },

  async "the page and its WebSocket use HTTP/3, and the page says so"(bench) {
    await reachesOver(bench, "HTTP/3", ["--enable-quic", "--enable-features=EnableWebsocketsOverHttp3"]);
  },
};

async function reachesOver(bench, version, flags) {
  const program = await bench.startProgram("127.0.0.1", ["--tls-self-signed"]);
  const host = `localhost:${program.port}`;
  const browser = await bench.launch([
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    `--ignore-certificate-errors-spki-list=${await program.pin()}`,
    `--origin-to-force-quic-on=${version === "HTTP/3" ? host : ""}`,
    ...flags,
  ]);
  const page = await bench.openTab({}, browser);
  await page.goto(program.pageAddress(host));
  await reachState(page, "connected");
  await until(page, (wanted) => document.querySelector("#page-version").textContent === wanted, version, `the page over ${version}`);
  // A browser dials over HTTP/1.1 if it does not know yet that the server takes WebSockets over the version of the page.
  await page.click("#toggle");
  await reachState(page, "disconnected");
  await page.click("#toggle");
  await reachState(page, "connected");
  await until(page, (wanted) => document.querySelector("#socket-version").textContent === wanted, version, `the WebSocket over ${version}`);
  await sendText(page, "over streams");
  assert.equal((await received(page, 1))[0].payload, "over streams");
  // The service ends while the page is connected.
  await page.uncheck("#reconnects");
  await program.stop();
  await reachState(page, "disconnected");
  assert.equal(await page.textContent("#close-code"), "1001");
}
