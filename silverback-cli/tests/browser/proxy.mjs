// A proxy in front of the program: it hands bytes on, counts them, and may change the head of what a client sends.

import { once } from "node:events";
import net from "node:net";

/**
 * Listens on a free port until the bench is cleared away, and gives { port, up, down }: the bytes so far.
 * `changeHead` gets the first bytes of each connection, as text of one byte a character.
 */
export async function startProxy(bench, program, changeHead = (head) => head) {
  const sockets = new Set();
  const wire = { up: 0, down: 0, port: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(program.port, program.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => [client, upstream].forEach((each) => each.destroy()));
    }
    client.on("data", (bytes) => (wire.up += bytes.length));
    upstream.on("data", (bytes) => (wire.down += bytes.length));
    client.once("data", (head) => {
      upstream.write(changeHead(head.toString("latin1")), "latin1");
      client.pipe(upstream);
    });
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  bench.closeLater(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  wire.port = server.address().port;
  return wire;
}
