// Runs in a browser: talks to our server over the version of HTTP that the address of the page names, and reports to the
// server of the page. The contract is in ../README.md.

const parameters = new URLSearchParams(location.search);
const base = parameters.get("base");
const SUBPROTOCOL = "silverback.test";
const LARGE = 3_000_000;
const PATIENCE = 30_000;

const checks = {
  async "the page's WebSockets use the right version"() {
    const socket = await open("/version");
    assert((await socket.next()) === parameters.get("version"), "another version");
    await socket.closed;
  },

  async "texts and binary messages come back"() {
    const socket = await open("/echo");
    for (const message of ["hello", "grüße, 世界, 🦍", "", bytes(0, 0), bytes(5, 255)]) await socket.echoes(message);
    await socket.closes(1000, "");
    assert((await lastClose()) === "1000 ", "another end");
  },

  async "messages of 3 MB come back, compressed"() {
    const socket = await open("/echo");
    assert(socket.extensions.startsWith("permessage-deflate"), "no compression was agreed on");
    for (const message of [prose(LARGE), noise(LARGE), "small"]) await socket.echoes(message);
    await socket.closes(1000, "");
    assert((await lastClose()) === "1000 ", "another end");
  },

  async "our server hears the close code and reason"() {
    for (const [code, reason] of [[3001, "all said — bye"], [1000, ""]]) {
      const socket = await open("/echo");
      await socket.closes(code, reason);
      assert((await lastClose()) === `${code} ${reason}`, "another end");
    }
  },

  async "the browser hears our close code and reason"() {
    const socket = await open("/close?code=4001&reason=see%20you");
    const { code, reason, wasClean } = await socket.closed;
    assert(code === 4001 && reason === "see you" && wasClean, `${code} ${reason}`);
  },

  async "an end without a Close frame is 1006 there"() {
    const socket = await open("/abort");
    socket.send("go");
    const { code, wasClean } = await socket.closed;
    assert(code === 1006 && !wasClean, `${code}`);
  },

  async "a page that goes away is heard here"() {
    const frame = document.createElement("iframe");
    frame.src = `frame.html?base=${encodeURIComponent(base)}`;
    document.body.append(frame);
    await new Promise((resolve) => addEventListener("message", resolve, { once: true }));
    frame.remove();
    // A browser may say 1001 or just end.
    const end = await lastClose();
    assert(["1001 ", "1005 ", "1006 "].includes(end), end);
  },

  async "of ten WebSockets our server does not read one, and the others go on"() {
    const others = await Promise.all(Array.from({ length: 9 }, () => open("/echo")));
    const unread = await open("/unread");
    assert((await unread.next()) === "not reading", "another text");
    for (let number = 0; number < 40; number += 1) unread.send(bytes(65_536, number));
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(others.map((socket) => socket.echoes(bytes(16_384, round))));
    }
    for (const socket of others) await socket.closes(1000, "");
    for (let count = 0; count < 9; count += 1) assert((await lastClose()) === "1000 ", "another end");
  },
};

/** A WebSocket whose messages are waited for. */
async function open(path) {
  const socket = new WebSocket(`${base}${path}`, SUBPROTOCOL);
  socket.binaryType = "arraybuffer";
  const arrived = [];
  const waiting = [];
  socket.onmessage = ({ data }) => (waiting.length > 0 ? waiting.shift()(data) : arrived.push(data));
  socket.closed = new Promise((resolve) => (socket.onclose = resolve));
  socket.next = () => (arrived.length > 0 ? arrived.shift() : new Promise((resolve) => waiting.push(resolve)));
  socket.echoes = async (message) => {
    socket.send(message);
    assert(same(message, await socket.next()), "another message came back");
  };
  socket.closes = async (code, reason) => {
    socket.close(code, reason);
    const seen = await socket.closed;
    assert(seen.wasClean && seen.code === code, `closed with ${seen.code}`);
  };
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`${path} cannot be opened`));
  });
  socket.onerror = null;
  assert(socket.protocol === SUBPROTOCOL, "no subprotocol");
  return socket;
}

async function lastClose() {
  return (await open("/last-close")).next();
}

function bytes(length, value) {
  return new Uint8Array(length).fill(value).buffer;
}

/** Bytes that do not compress. */
function noise(length) {
  const noise = new Uint8Array(length);
  for (let start = 0; start < length; start += 65_536) crypto.getRandomValues(noise.subarray(start, start + 65_536));
  return noise.buffer;
}

/** Text that repeats itself near and far, as real messages do. */
function prose(length) {
  const item = (_, number) => `{"id":${(number * 7919) % 100_003},"name":"user ${number % 61}"},`;
  return Array.from({ length: Math.ceil(length / 20) }, item).join("").slice(0, length);
}

function same(one, other) {
  if (typeof one === "string" || typeof other === "string") return one === other;
  const [left, right] = [new Uint8Array(one), new Uint8Array(other)];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function assert(holds, complaint) {
  if (!holds) throw new Error(complaint);
}

function report(line) {
  return fetch("/report", { method: "POST", body: line });
}

async function passes(name, check) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer any more")), PATIENCE));
  try {
    await Promise.race([check(), late]);
    await report(`ok ${name}`);
    return true;
  } catch (error) {
    await report(`FAILED ${name}: ${error.message}`);
    return false;
  }
}

// A WebSocket uses HTTP/2 or HTTP/3 only where the browser already has such a connection.
await fetch(base.replace(/^ws/, "http"), { mode: "no-cors", credentials: "include" });
for (const [name, check] of Object.entries(checks)) {
  if (!(await passes(name, check))) break;
}
await report("done");
