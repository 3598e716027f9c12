// A client of node's http2 and of `ws` talks to our server: `http2-client.mjs URL AUTHORITY`. The contract is in ../README.md.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:http2";
import { createHash, randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { Converted, webSocketFields } from "./stream.mjs";

const [base, authority] = process.argv.slice(2);
const SUBPROTOCOL = "silverback.test";
const LARGE = 3_000_000;
const PATIENCE = 30_000;

const checks = {
  async "texts and binary messages come back"() {
    const socket = await open("/version");
    assert.equal(await next(socket), "HTTP/2.0");
    const echo = await open("/echo");
    for (const message of ["hello", "grüße, 世界, 🦍", "", Buffer.alloc(0), Buffer.from([0, 255])]) await echoes(echo, message);
    await close(echo, 1000, "");
    assert.equal(await lastClose(), "1000 ");
  },

  async "messages of 3 MB come back"() {
    const socket = await open("/echo");
    for (const message of [prose(LARGE), randomBytes(LARGE), "small"]) await echoes(socket, message);
    await close(socket, 1000, "");
    assert.equal(await lastClose(), "1000 ");
  },

  async "compressed messages come back, large ones too"() {
    const socket = await open("/echo", { perMessageDeflate: { threshold: 0 } });
    assert.match(socket.extensions, /^permessage-deflate/);
    for (const message of [prose(LARGE), randomBytes(LARGE), "small"]) await echoes(socket, message);
    await close(socket, 1000, "");
    assert.equal(await lastClose(), "1000 ");
  },

  async "our server hears the close code and reason"() {
    for (const [code, reason] of [[3001, "all said — bye"], [1000, ""]]) {
      const socket = await open("/echo");
      await close(socket, code, reason);
      assert.equal(await lastClose(), `${code} ${reason}`);
    }
  },

  async "the client hears our close code and reason"() {
    const socket = await open("/close?code=4001&reason=see%20you");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, reason.toString()], [4001, "see you"]);
  },

  async "an end without a Close frame is 1006 there"() {
    const socket = await open("/abort");
    socket.on("error", () => {});
    socket.send("go");
    const [code] = await once(socket, "close");
    assert.equal(code, 1006);
  },

  async "an end without a Close frame is 1006 here"() {
    const socket = await open("/echo");
    await echoes(socket, "here");
    socket.on("error", () => {});
    socket.terminate();
    assert.equal(await lastClose(), "1006 ");
  },

  async "of ten WebSockets one is not read, and the others go on"() {
    const others = await Promise.all(Array.from({ length: 9 }, () => open("/echo")));
    const lazy = await open("/echo");
    lazy.pause();
    for (let number = 0; number < 40; number += 1) lazy.send(Buffer.alloc(64 * 1024, number));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(others.map((socket) => echoes(socket, Buffer.alloc(16 * 1024, round))));
    }
    lazy.resume();
    for (let number = 0; number < 40; number += 1) assert.deepEqual(await next(lazy), Buffer.alloc(64 * 1024, number));
    for (const socket of [...others, lazy]) await close(socket, 1000, "");
    for (let count = 0; count < 10; count += 1) assert.equal(await lastClose(), "1000 ");
  },

  async "of ten WebSockets our server does not read one, and the others go on"() {
    const others = await Promise.all(Array.from({ length: 9 }, () => open("/echo")));
    const unread = await open("/unread");
    assert.equal(await next(unread), "not reading");
    for (let number = 0; number < 40; number += 1) unread.send(Buffer.alloc(64 * 1024, number));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(others.map((socket) => echoes(socket, Buffer.alloc(16 * 1024, round))));
    }
    unread.on("error", () => {});
    unread.terminate();
    for (const socket of others) await close(socket, 1000, "");
    for (let count = 0; count < 9; count += 1) assert.equal(await lastClose(), "1000 ");
  },
};

/** All WebSockets share this connection. */
const session = connect(base.replace(/^ws/, "http"), authority ? { ca: readFileSync(authority) } : {});
await Promise.race([once(session, "remoteSettings"), once(session, "error").then(([error]) => Promise.reject(error))]);
assert.equal(session.remoteSettings.enableConnectProtocol, true, "extended CONNECT is not announced");

async function open(path, options = {}) {
  const socket = new WebSocket(`ws://${new URL(base).host}${path}`, SUBPROTOCOL, {
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    ...options,
    createConnection: () => converted(path),
  });
  socket.waiting = [];
  socket.arrived = [];
  socket.on("message", (data, binary) => {
    const message = binary ? data : data.toString();
    const waiter = socket.waiting.shift();
    if (waiter) waiter(message);
    else socket.arrived.push(message);
  });
  await once(socket, "open");
  assert.equal(socket.protocol, SUBPROTOCOL);
  return socket;
}

/** What `ws` takes for a TCP connection: its upgrade becomes a CONNECT, and the response to that one a 101. */
function converted(path) {
  const socket = new Converted((_request, fields) => {
    const { protocol, host } = new URL(base);
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": protocol.replace(/^ws/, "http").slice(0, -1),
      ":authority": host,
      ":path": path,
      ...webSocketFields(fields),
    });
    stream.on("response", (answer) => {
      const accept = createHash("sha1").update(`${fields["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const answered = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-accept": accept, ...webSocketFields(answer) };
      const lines = Object.entries(answered).map(([name, value]) => `${name}: ${value}\r\n`);
      const status = answer[":status"] === 200 ? "101 Switching Protocols" : `${answer[":status"]} Refused`;
      socket.push(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`);
      socket.use(stream);
    });
    stream.on("error", (error) => socket.destroy(error));
  });
  return socket;
}

function next(socket) {
  if (socket.arrived.length > 0) return socket.arrived.shift();
  return new Promise((resolve) => socket.waiting.push(resolve));
}

async function echoes(socket, message) {
  socket.send(message);
  assert.ok(Buffer.from(message).equals(Buffer.from(await next(socket))), "another message came back");
}

async function close(socket, code, reason) {
  const closed = once(socket, "close");
  socket.close(code, reason);
  assert.equal((await closed)[0], code);
}

async function lastClose() {
  return next(await open("/last-close"));
}

/** Text that repeats itself near and far, as real messages do. */
function prose(length) {
  const item = (_, number) => `{"id":${(number * 7919) % 100_003},"name":"user ${number % 61}"},`;
  return Array.from({ length: Math.ceil(length / 20) }, item).join("").slice(0, length);
}

for (const [name, check] of Object.entries(checks)) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("no answer any more")), PATIENCE)));
  try {
    await Promise.race([check(), late]);
    console.log(`ok node http2: ${name}`);
  } catch (error) {
    console.log(`FAILED node http2: ${name}: ${error.stack}`);
    process.exit(1);
  } finally {
    clearTimeout(timer);
  }
}
process.exit(0);
