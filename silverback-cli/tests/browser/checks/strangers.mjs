// Other origins, other servers, and addresses that are none.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { WebSocketServer } from "ws";
import { failedConnection, reachState, received, rows, sendText, until, untilText } from "../bench.mjs";

export default {
  async "a page of another origin is refused"(bench) {
    const program = await bench.startProgram();
    const server = http.createServer((_, response) => {
      response.setHeader("Content-Type", "text/html");
      response.end("<!doctype html><title>elsewhere</title>");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    bench.closeLater(() => server.close());
    bench.expectProblem(failedConnection);
    const page = await bench.openTab();
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    const outcome = await tryToOpen(page, `ws://${program.authority()}/ws/echo`);
    assert.equal(outcome, 1006);
    assert.equal(await upgradeStatus(program, `http://127.0.0.1:${server.address().port}`), 403);
    assert.equal(await upgradeStatus(program, `http://${program.authority()}`), 101);
  },

  async "a page whose name was pointed at this machine gets neither the page nor the echo"(bench) {
    const program = await bench.startProgram();
    const name = `rebound.example:${program.port}`;
    bench.expectProblem(failedConnection);
    bench.expectProblem(/status of 403/);
    const page = await bench.openTab();
    const response = await page.goto(program.pageAddress(name));
    assert.equal(response.status(), 403);
    assert.match(await response.text(), /--allow-host/);
    // The refusal has the foreign origin, as a page that was loaded before the rebinding has.
    assert.equal(await page.evaluate(() => location.origin), `http://${name}`);
    assert.equal(await tryToOpen(page, `ws://${name}/ws/echo`), 1006);
  },

  async "a page opened from a disk connects if that was allowed"(bench) {
    const folder = await mkdtemp(path.join(tmpdir(), "silverback-page-"));
    const file = path.join(folder, "page.html");
    await writeFile(file, "<!doctype html><title>from a disk</title>");
    bench.closeLater(() => rm(folder, { recursive: true }));
    bench.expectProblem(failedConnection);
    const page = await bench.openTab();
    await page.goto(pathToFileURL(file).href);
    for (const [options, outcome] of [[["--allow-origin", "null"], "opened"], [["--allow-origin", "*"], "opened"], [[], 1006]]) {
      const program = await bench.startProgram("127.0.0.1", options);
      assert.equal(await tryToOpen(page, `ws://${program.authority()}/`), outcome);
    }
  },

  async "a server that greets and then does not echo gets no round trips"(bench) {
    const { page } = await bench.connected();
    const address = await otherServer(bench, (socket) => {
      socket.on("message", (data, isBinary) => socket.send(isBinary ? data : `${data}!`));
    });
    await dial(page, address);
    await sendText(page, "hello");
    await sendText(page, "hello!");
    const answers = await received(page, 2);
    assert.deepEqual(answers.map((row) => [row.payload, row.roundTrip]), [["hello!", null], ["hello!!", null]]);
    await untilText(page, "#latency-note", "something other than an echo");
  },

  async "a greeting before the first message does not stop the measuring"(bench) {
    const { page } = await bench.connected();
    const address = await otherServer(bench, (socket) => {
      socket.send("welcome");
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    await dial(page, address);
    await received(page, 1);
    await sendText(page, "hello");
    const [greeting, echo] = await received(page, 2);
    assert.equal(greeting.roundTrip, null);
    assert.notEqual(echo.roundTrip, null);
  },

  async "a text echoed as bytes is not taken for its echo"(bench) {
    const { page } = await bench.connected();
    const address = await otherServer(bench, (socket) => {
      socket.on("message", (data) => socket.send(data, { binary: true }));
    });
    await dial(page, address);
    await sendText(page, "abc");
    const [answer] = await received(page, 1);
    assert.deepEqual([answer.kind, answer.payload, answer.roundTrip], ["binary", "61 62 63", null]);
  },

  async "the subprotocol that the server chose is shown"(bench) {
    const { page } = await bench.connected();
    const address = await otherServer(bench, () => {}, { handleProtocols: () => "superchat" });
    await page.fill("#subprotocols", "chat, superchat");
    await dial(page, address);
    assert.equal(await page.textContent("#subprotocol"), "superchat");
  },

  async "a server that chooses none of the subprotocols: the failure is explained"(bench) {
    const { page } = await bench.connected();
    bench.expectProblem(failedConnection);
    const address = await otherServer(bench, () => {}, { handleProtocols: () => false });
    await page.uncheck("#reconnects");
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await page.fill("#subprotocols", "chat");
    await page.fill("#address", address);
    await page.click("#toggle");
    await untilText(page, "#close-by", "Could not connect");
    assert.match(await page.textContent("#close-hint"), /offered subprotocols: a browser gives up/);
  },

  async "close codes: the reason is shown, and 1008 and 4500 are not answered by reconnecting"(bench) {
    for (const [code, name, reason] of [[1008, "Policy Violation", "<b>no</b> entry"], [4500, "Application Code", "für immer"], [1000, "Normal Closure", ""]]) {
      const { page } = await bench.connected();
      const address = await otherServer(bench, (socket) => socket.close(code, reason));
      await page.click("#toggle");
      await reachState(page, "disconnected");
      await page.fill("#address", address);
      await page.click("#toggle");
      await untilText(page, "#close-code", String(code));
      await reachState(page, "disconnected");
      assert.equal(await page.textContent("#close-name"), name);
      assert.equal(await page.textContent("#close-reason"), reason);
      assert.match(await page.textContent("#close-hint"), /does not reconnect by itself/);
    }
  },

  async "close code 1013 is answered by reconnecting"(bench) {
    const { page } = await bench.connected();
    let visits = 0;
    const address = await otherServer(bench, (socket) => {
      visits += 1;
      if (visits === 1) socket.close(1013, "busy");
    });
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await page.fill("#address", address);
    await page.click("#toggle");
    await untilText(page, "#close-name", "Try Again Later");
    await reachState(page, "connected");
    assert.equal(visits, 2);
  },

  async "an address or subprotocol that is none is explained beside its field, and nothing is tried"(bench) {
    const { page } = await bench.connected();
    await page.click("#toggle");
    await reachState(page, "disconnected");
    await until(page, () => document.querySelectorAll("#rows .row").length === 2, null, "opened and closed");
    for (const [field, value, words] of [
      ["address", "", "Type an address"],
      ["address", "ftp://localhost/", "begins with ws://"],
      ["address", "ws://", "not a valid address"],
      ["address", "ws://local host/", "not a valid address"],
    ]) {
      await page.fill(`#${field}`, value);
      await page.click("#toggle");
      await untilText(page, `#${field}-fault`, words);
      assert.equal(await page.evaluate(() => document.activeElement.id), field);
    }
    await page.fill("#address", "ws://127.0.0.1:1/");
    for (const [value, words] of [["two words", "no blanks"], ["a,b,a", "stands twice"], ["ü", "not a subprotocol name"]]) {
      await page.fill("#subprotocols", value);
      await page.click("#toggle");
      await untilText(page, "#subprotocols-fault", words);
    }
    assert.deepEqual((await rows(page)).map((row) => row.kind), ["open", "close"]);
  },

  async "an address may be typed without a scheme, with http, or as a path"(bench) {
    const { program, page } = await bench.connected();
    const whole = `ws://${program.authority()}/ws/echo`;
    for (const typed of [`${program.authority()}/ws/echo`, `http://${program.authority()}/ws/echo#part`, "/ws/echo"]) {
      await dial(page, typed);
      assert.equal(await page.inputValue("#address"), whole);
    }
  },
};

/** "opened", or the close code of a connection that this page may not have. */
function tryToOpen(page, address) {
  return page.evaluate(
    (address) =>
      new Promise((tell) => {
        const socket = new WebSocket(address);
        socket.onopen = () => tell("opened");
        socket.onclose = ({ code }) => tell(code);
      }),
    address,
  );
}

async function dial(page, address) {
  await page.click("#toggle");
  await reachState(page, "disconnected");
  await page.fill("#address", address);
  await page.click("#toggle");
  await reachState(page, "connected");
}

/** A WebSocket server that is not ours, and not always an echo. */
async function otherServer(bench, onConnection, options = {}) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  await once(server, "listening");
  server.on("connection", onConnection);
  bench.closeLater(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${server.address().port}/`;
}

/** The status that an upgrade request with this origin gets. */
async function upgradeStatus(program, origin) {
  const request = http.request({
    host: program.host,
    port: program.port,
    path: "/ws/echo",
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      Origin: origin,
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    },
  });
  request.end();
  return new Promise((tell, fail) => {
    request.on("response", (response) => {
      response.resume();
      tell(response.statusCode);
    });
    request.on("upgrade", (response, socket) => {
      socket.destroy();
      tell(response.statusCode);
    });
    request.on("error", fail);
  });
}
