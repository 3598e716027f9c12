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
  "text and binary messages come back with their type, in order": async (url) => {
    const messages = ["hello", "", "grüße, 世界, 🦍", "x".repeat(70_000), Buffer.alloc(0), randomBytes(200_000)];
    const peer = await connect(url, { perMessageDeflate: false });
    assert.equal(peer.socket.extensions, "");
    await expectEchoes(peer, messages);
    await peer.close(1000);
  },

  "a message of exactly the largest size comes back": async (url) => {
    for (const perMessageDeflate of [false, true]) {
      const peer = await connect(url, { perMessageDeflate });
      const message = perMessageDeflate ? prose(DEFAULT_LARGEST_MESSAGE) : Buffer.alloc(DEFAULT_LARGEST_MESSAGE, "x");
      peer.socket.send(message);
      assert.ok(message.equals(await peer.message()));
      await peer.close(1000);
    }
  },

  "fragmented messages come back whole, even with a ping between their fragments": async (url) => {
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

  "a message above the largest size is refused with 1009, compressed or not": async (url) => {
    for (const compress of [false, true]) {
      const peer = await connect(url);
      peer.socket.send(prose(DEFAULT_LARGEST_MESSAGE + 1), { compress });
      assert.equal((await peer.closed()).code, 1009);
    }
  },

  "compressed messages come back, with every combination of takeover and with windows of all sizes": async (url) => {
    for (const [serverMaxWindowBits, clientMaxWindowBits] of windows) {
      for (const serverNoContextTakeover of [undefined, true]) {
        for (const clientNoContextTakeover of [undefined, true]) {
          await compressedMessagesComeBack(url, {
            serverNoContextTakeover,
            clientNoContextTakeover,
            serverMaxWindowBits,
            clientMaxWindowBits,
            threshold: 0,
          });
        }
      }
    }
  },

  "frames in the same packet as the handshake are answered": async (url) => {
    const peer = await connect(url, { finishRequest: sendEarly });
    assert.equal(await peer.message(), "early");
    assert.equal(String(await peer.pong()), "bird");
    await peer.close(1000);
  },
};

// The windows of server and client, in bits; `false` is an offer without the parameter.
const windows = [
  [undefined, undefined],
  [undefined, false],
  [8, 8],
  [8, false],
  [9, 9],
  [9, 15],
  [10, 12],
  [12, 10],
  [15, 9],
];

async function compressedMessagesComeBack(url, options) {
  const peer = await connect(url, { perMessageDeflate: options });
  const { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits } = options;
  const expected = ["permessage-deflate"];
  if (serverNoContextTakeover) expected.push("server_no_context_takeover");
  if (clientNoContextTakeover) expected.push("client_no_context_takeover");
  if (serverMaxWindowBits) expected.push(`server_max_window_bits=${serverMaxWindowBits}`);
  if (clientMaxWindowBits && clientMaxWindowBits < 15) expected.push(`client_max_window_bits=${clientMaxWindowBits}`);
  assert.deepEqual(peer.agreed.split("; ").sort(), expected.sort());
  await expectCompressedEchoes(peer);
  await peer.close(1000);
}

async function expectCompressedEchoes(peer) {
  const messages = ["hello", "", String(prose(200)), String(prose(70_000)), prose(150_000), randomBytes(20_000)];
  const before = peer.stream.bytesRead;
  await expectEchoes(peer, [...messages, ...messages]);
  const plain = 2 * messages.reduce((total, message) => total + Buffer.byteLength(message), 0);
  const received = peer.stream.bytesRead - before;
  assert.ok(received < (plain * 2) / 3, `${received} bytes for ${plain}`);

  const text = String(prose(5_000));
  for (const piece of [text.slice(0, 1), "", text.slice(1, 3_000)]) peer.socket.send(piece, { fin: false });
  peer.socket.ping("between");
  peer.socket.send(text.slice(3_000), { fin: true });
  assert.equal(await peer.message(), text);
  assert.equal(String(await peer.pong()), "between");
}

async function expectEchoes(peer, messages) {
  for (const message of messages) peer.socket.send(message);
  for (const message of messages) assert.deepEqual(await peer.message(), message);
}

/** Bytes that repeat themselves near and far, as real messages do. */
function prose(length) {
  const items = [];
  for (let number = 0; number < length / 20; number += 1) {
    items.push(`{"id":${(number * 7919) % 100_003},"name":"user ${number % 61}"},`);
  }
  return Buffer.from(items.join("").slice(0, length));
}

/** What the service asks for by itself. */
const agreement = (expected) => ({
  [`what the service asks for is agreed to, and compressed messages come back: ${expected || "none"}`]: async (url) => {
    const peer = await connect(url, { perMessageDeflate: { threshold: 0 } });
    assert.deepEqual(peer.agreed.split("; ").sort(), expected.split("; ").sort());
    if (expected) await expectCompressedEchoes(peer);
    else await expectEchoes(peer, [prose(100_000)]);
    await peer.close(1000);
  },
});

const goingAway = {
  "the service closes with 1001 when it ends": async (url) => {
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
  const upgrade = once(socket, "upgrade");
  await once(socket, "open");
  const [response] = await upgrade;
  return {
    socket,
    stream: response.socket,
    agreed: response.headers["sec-websocket-extensions"] ?? "",
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
  socket.on("close", (code, reason) => {
    failures.push(new Error(`closed with ${code} ${reason}`));
    for (const { reject } of waiting.splice(0)) reject(failures[0]);
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

const [option, ...rest] = process.argv.slice(2);
const address = rest.at(-1);
const chosen = { "--await-going-away": goingAway, "--agreement": agreement(rest[0]) }[option] ?? checks;
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
