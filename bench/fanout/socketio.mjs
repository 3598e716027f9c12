// Socket.IO as its documentation shows it, over WebSocket alone: clients join a room, and the publisher emits to it.
// `--compress` turns permessage-deflate on; its threshold stays the default of 1 KiB.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const perMessageDeflate = process.argv.includes("--compress");
const io = new Server(http, { transports: ["websocket"], serveClient: false, perMessageDeflate });

io.on("connection", (socket) => {
  socket.on("join", (done) => {
    socket.join("news");
    done();
  });
  socket.on("say", (message) => io.to("news").emit("news", message));
});

http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
