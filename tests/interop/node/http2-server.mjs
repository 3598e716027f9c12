// A server of node's http2 and of `ws` for our Dialer: `http2-server.mjs CERTIFICATE KEY`. The contract is in ../README.md.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import { WebSocketServer } from "ws";
import { Converted, webSocketFields } from "./stream.mjs";

const SUBPROTOCOL = "silverback.test";
const LARGEST_MESSAGE = 16 * 1024 * 1024;
const ended = [];
const askers = [];

const paths = {
  "/echo"(socket) {
    // Reads on only while the other side reads, as a careful application does.
    socket.on("message", (data, binary) => {
      socket.pause();
      socket.send(data, { binary }, () => socket.resume());
    });
    socket.on("close", (code, reason) => remember(`${code} ${reason}`));
  },
  "/close"(socket, query) {
    socket.close(Number(query.get("code") ?? 1000), query.get("reason") ?? "");
  },
  async "/last-close"(socket) {
    socket.send(ended.length > 0 ? ended.shift() : await new Promise((resolve) => askers.push(resolve)));
    socket.close(1000);
  },
  async "/abort"(socket) {
    await once(socket, "message");
    socket.terminate();
  },
  "/unread"(socket) {
    socket.pause();
    socket.send("not reading");
  },
  "/version"(socket) {
    socket.send("HTTP/2.0");
    socket.close(1000);
  },
};

function remember(end) {
  const asker = askers.shift();
  if (asker) asker(end);
  else ended.push(end);
}

function speaker(compresses) {
  return new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    perMessageDeflate: compresses && { threshold: 0 },
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
}
const speakers = { plain: speaker(false), compressing: speaker(true) };

const [certificate, key] = process.argv.slice(2).map((file) => readFileSync(file));
const server = createSecureServer({ cert: certificate, key, settings: { enableConnectProtocol: true } });
server.on("stream", (stream, fields) => {
  if (fields[":method"] !== "CONNECT" || fields[":protocol"] !== "websocket") {
    stream.respond({ ":status": 501 }, { endStream: true });
    return;
  }
  const address = new URL(fields[":path"], "wss://localhost");
  const socket = new Converted((_status, answer) => {
    stream.respond({ ":status": 200, ...webSocketFields(answer) });
  });
  socket.use(stream);
  const upgrade = { upgrade: "websocket", connection: "Upgrade", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const request = { method: "GET", url: fields[":path"], headers: { ...upgrade, ...webSocketFields(fields) } };
  const speaker = address.searchParams.has("deflate") ? speakers.compressing : speakers.plain;
  speaker.handleUpgrade(request, socket, Buffer.alloc(0), (accepted) => {
    accepted.on("error", (error) => console.error(String(error)));
    paths[address.pathname](accepted, address.searchParams);
  });
});
server.listen(0, "127.0.0.1", () => console.log(`listening wss://localhost:${server.address().port}`));
