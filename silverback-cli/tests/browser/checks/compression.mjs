// Compression (RFC 7692) between Chromium and the program: what the page shows, and what goes over the wire.

import assert from "node:assert/strict";
import { exported, reachState, received, sendText } from "../bench.mjs";
import { startProxy } from "../proxy.mjs";

/** Text that repeats itself near and far, as real messages do. */
function prose(length) {
  const item = (_, number) => `{"id":${(number * 7919) % 100_003},"name":"user ${number % 61}"},`;
  return Array.from({ length: Math.ceil(length / 20) }, item).join("").slice(0, length);
}

export default {
  async "compression is agreed on and shown, and a large text is small on the wire both ways"(bench) {
    const { page, wire } = await connectedByWire(bench);
    assert.match(await page.textContent("#extensions"), /^permessage-deflate/);
    const [up, down] = await echo(page, wire, prose(400_000));
    assert.ok(up < 400_000 / 3, `${up} bytes went to the program`);
    assert.ok(down < 400_000 / 3, `${down} bytes came back`);
    return `${up} and ${down} bytes for 400000`;
  },

  async "small windows and messages by themselves are agreed on, shown and kept"(bench) {
    const remarks = [];
    for (const bits of [8, 9, 12]) {
      for (const alone of [false, true]) {
        const options = ["--window-bits", String(bits), ...(alone ? ["--no-context-takeover"] : [])];
        const { page, wire } = await connectedByWire(bench, options);
        const shown = (await page.textContent("#extensions")).split("; ");
        const expected = ["permessage-deflate", `server_max_window_bits=${bits}`, `client_max_window_bits=${bits}`];
        if (alone) expected.push("server_no_context_takeover", "client_no_context_takeover");
        assert.deepEqual(shown.sort(), expected.sort());
        for (let turn = 0; turn < 2; turn += 1) {
          const [up, down] = await echo(page, wire, prose(100_000), turn);
          assert.ok(up < 75_000 && down < 75_000, `${up} and ${down} bytes for 100000 with ${options.join(" ")}`);
          if (turn > 0) remarks.push(`${bits} bits: ${up}, ${down}`);
        }
      }
    }
    return remarks.join("; ");
  },

  async "without compression the page says none, and every byte goes over the wire"(bench) {
    const { page, wire } = await connectedByWire(bench, ["--no-compression"]);
    assert.equal(await page.textContent("#extensions"), "none");
    const [up, down] = await echo(page, wire, prose(100_000));
    assert.ok(up > 100_000 && down > 100_000, `${up} and ${down} bytes`);
  },
};

/** A page whose bytes are counted on their way to a program with these options. */
async function connectedByWire(bench, options) {
  const program = await bench.startProgram("127.0.0.1", options);
  const wire = await startProxy(bench, program);
  const page = await bench.openTab();
  await page.goto(program.pageAddress(`127.0.0.1:${wire.port}`));
  await reachState(page, "connected");
  return { page, wire };
}

/** Sends a text and gives how many bytes went over the wire until it was back: up, down. */
async function echo(page, wire, text, before = 0) {
  const [up, down] = [wire.up, wire.down];
  await sendText(page, text);
  await received(page, before + 1);
  const lines = (await exported(page)).filter((line) => line.direction === "received");
  assert.ok(lines.at(-1).data === text, "the echo is another text");
  return [wire.up - up, wire.down - down];
}
