// A client of node `ws` talks to an echo service. The contract is in ../README.md.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import WebSocket, { Sender } from "ws";

const PATIENCE = 30_000;
const DEFAULT_LARGEST_MESSAGE = 1024 * 1024;
const TEXT = 1;
const PING = 9;

const checks = {
  "text and binary come back as what they are, in order": async (url) => {
    const messages = ["hello", "", "grüße, 世界, 🦍", "x".repeat(70_000), Buffer.alloc(0), randomBytes(200_000)];
    const peer = await connect(url);
    for (const message of messages) peer.socket.send(message);
    for (const message of messages) assert.deepEqual(await peer.message(), message);
    await peer.close(1000);
  },

  "a message of exactly the largest size comes back": async (url) => {
    const peer = await connect(url);
    const message = Buffer.alloc(DEFAULT_LARGEST_MESSAGE, "x");
    peer.socket.send(message);
    assert.ok(message.equals(await peer.message()));
    await peer.close(1000);
  },

  "fragmented messages come back whole, also with a ping between their fragments": async (url) => {
    const peer = await connect(url);
    peer.socket.send("one ", { fin: false });
    peer.socket.send("", { fin: false });
    peer.socket.ping("between");
    peer.socket.send("two", { fin: true });
    assert.equal(String(await peer.pong()), "between");
    assert.equal(await peer.message(), "one two");
    await peer.close(1000);
  },

  "pings are answered with their own payload, the empty and the longest included": async (url) => {
    const peer = await connect(url);
    for (const payload of ["", "are you there", "p".repeat(125)]) {
      peer.socket.ping(payload);
      assert.equal(String(await peer.pong()), payload);
    }
    await peer.close(1000);
  },

  "a close is answered with its own code, an empty one with an empty one": async (url) => {
    for (const [code, reason] of [[1000, ""], [1000, "done"], [3000, "grüße"], [4999, "r".repeat(123)]]) {
      const peer = await connect(url);
      assert.equal((await peer.close(code, reason)).code, code);
    }
    const peer = await connect(url);
    assert.equal((await peer.close()).code, 1005);
  },

  "text that is not UTF-8 is refused with 1007": async (url) => {
    const peer = await connect(url);
    peer.socket.send(Buffer.from("cebae1bdb9ff", "hex"), { binary: false });
    assert.equal((await peer.closed()).code, 1007);
  },

  "a message above the largest size is refused with 1009": async (url) => {
    const peer = await connect(url);
    peer.socket.send(Buffer.alloc(DEFAULT_LARGEST_MESSAGE + 1, "x"), { compress: false });
    assert.equal((await peer.closed()).code, 1009);
  },

  "frames in the same packet as the handshake are answered": async (url) => {
    const peer = await connect(url, { finishRequest: sendEarly });
    assert.equal(await peer.message(), "early");
    assert.equal(String(await peer.pong()), "bird");
    await peer.close(1000);
  },
};

const goingAway = {
  "the end of the service closes with 1001": async (url) => {
    const peer = await connect(url);
    peer.socket.send("still here");
    assert.equal(await peer.message(), "still here");
    console.log("ready");
    assert.equal((await peer.closed()).code, 1001);
  },
};

/** Sends the request and two frames in one write, long before the answer. */
function sendEarly(request) {
  const options = { fin: true, mask: true, rsv1: false, readOnly: false };
  const frames = [
    ...Sender.frame(Buffer.from("early"), { ...options, opcode: TEXT }),
    ...Sender.frame(Buffer.from("bird"), { ...options, opcode: PING }),
  ];
  request.once("socket", (stream) => {
    stream.once("connect", () => {
      stream.cork();
      request.end();
      for (const bytes of frames) stream.write(bytes);
      stream.uncork();
    });
  });
}

/** An open connection whose messages, pongs and end can be awaited one by one. */
async function connect(url, options = {}) {
  const socket = new WebSocket(url, options);
  const messages = queue(socket, "message", (data, isBinary) => (isBinary ? data : data.toString()));
  const pongs = queue(socket, "pong", (payload) => payload);
  const ends = queue(socket, "close", (code, reason) => ({ code, reason: reason.toString() }));
  await once(socket, "open");
  return {
    socket,
    message: messages,
    pong: pongs,
    closed: ends,
    close(code, reason) {
      socket.close(code, reason);
      return ends();
    },
  };
}

/** Turns an event into a function that returns its next occurrence, past ones first. */
function queue(socket, event, value) {
  const past = [];
  const waiting = [];
  const failures = [];
  socket.on(event, (...details) => {
    const next = waiting.shift();
    if (next) next.resolve(value(...details));
    else past.push(value(...details));
  });
  socket.on("error", (error) => {
    failures.push(error);
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return () => {
    if (past.length > 0) return Promise.resolve(past.shift());
    if (failures.length > 0) return Promise.reject(failures[0]);
    return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
  };
}

function withPatience(promise) {
  const { promise: late, reject } = withReject();
  const timer = setTimeout(() => reject(new Error(`nothing for ${PATIENCE / 1000} s`)), PATIENCE);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function withReject() {
  let reject;
  const promise = new Promise((_, refuse) => (reject = refuse));
  return { promise, reject };
}

const [option, address] = process.argv.slice(2);
const chosen = option === "--await-going-away" ? goingAway : checks;
for (const [what, check] of Object.entries(chosen)) {
  try {
    await withPatience(check(address ?? option));
  } catch (error) {
    console.log("FAILED", what);
    console.error(error);
    process.exit(1);
  }
  console.log("ok", what);
}
process.exit(0);
