// A server of node `ws` for our Dialer. The contract is in ../README.md.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { WebSocketServer } from "ws";

const SUBPROTOCOL = "silverback.test";
const LARGEST_MESSAGE = 16 * 1024 * 1024;
const ended = [];
const askers = [];

const paths = {
  "/echo"(socket) {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    socket.on("close", (code, reason) => remember(`${code} ${reason}`));
  },

  "/fragments"(socket) {
    socket.on("message", (data, binary) => {
      socket.send("", { binary, fin: false });
      socket.ping("between fragments");
      const pieces = binary ? bytesByThree(data) : charactersByThree(data.toString());
      for (const piece of pieces) socket.send(piece, { binary, fin: false });
      socket.send("", { binary, fin: true });
    });
  },

  async "/ping"(socket) {
    socket.ping("are you there");
    const [payload] = await once(socket, "pong");
    socket.send(`pong: ${payload}`);
    socket.close(1000);
  },

  "/close"(socket, query) {
    socket.close(Number(query.get("code") ?? 1000), query.get("reason") ?? "");
  },

  async "/last-close"(socket) {
    socket.send(await nextEnd());
    socket.close(1000);
  },
};

function remember(end) {
  const asker = askers.shift();
  if (asker) asker(end);
  else ended.push(end);
}

function nextEnd() {
  if (ended.length > 0) return ended.shift();
  return new Promise((resolve) => askers.push(resolve));
}

function* bytesByThree(data) {
  for (let start = 0; start < data.length; start += 3) yield data.subarray(start, start + 3);
}

function* charactersByThree(text) {
  const characters = [...text];
  for (let start = 0; start < characters.length; start += 3) yield characters.slice(start, start + 3).join("");
}

/** One that speaks to connections which ask for this compression; `ws` knows it for each server only. */
function speaker(perMessageDeflate) {
  return new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE,
    perMessageDeflate,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
}

function compression(query) {
  if (!query.has("deflate")) return false;
  const bits = (name) => (query.has(name) ? Number(query.get(name)) : undefined);
  return {
    threshold: 0,
    serverNoContextTakeover: query.has("server_no_context_takeover") || undefined,
    clientNoContextTakeover: query.has("client_no_context_takeover") || undefined,
    serverMaxWindowBits: bits("server_max_window_bits"),
    clientMaxWindowBits: bits("client_max_window_bits"),
  };
}

/** `--tls CERTIFICATE KEY [AUTHORITY]`: with an authority, clients must show a certificate of its. */
function papers([option, certificate, key, authority]) {
  if (option !== "--tls") return null;
  const shown = { cert: readFileSync(certificate), key: readFileSync(key) };
  return authority ? { ...shown, ca: readFileSync(authority), requestCert: true, rejectUnauthorized: true } : shown;
}

const shown = papers(process.argv.slice(2));
const server = shown ? createSecureServer(shown) : createServer();
server.on("upgrade", (request, stream, head) => {
  const address = new URL(request.url, "ws://localhost");
  speaker(compression(address.searchParams)).handleUpgrade(request, stream, head, (socket) => {
    socket.on("error", (error) => console.error(String(error)));
    const serve = paths[address.pathname];
    if (serve) serve(socket, address.searchParams);
    else socket.close(1011, "no such path");
  });
});
const host = shown ? "wss://localhost" : "ws://127.0.0.1";
server.listen(0, "127.0.0.1", () => console.log(`listening ${host}:${server.address().port}`));
