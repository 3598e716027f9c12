// A stream of HTTP/2 as `ws` needs it: a socket on which HTTP/1.1 is spoken until the handshake is over. What follows are
// the same bytes.

import { Duplex } from "node:stream";

export class Converted extends Duplex {
  /** `onHead` gets the lines of the head that `ws` writes first. */
  constructor(onHead) {
    super();
    this.onHead = onHead;
    this.stream = null;
  }

  /** Carries the bytes from now on. */
  use(stream) {
    this.stream = stream;
    stream.on("data", (data) => this.push(data) || stream.pause());
    stream.on("end", () => this.push(null));
    stream.on("close", () => {
      // A reset is no end in order.
      if (stream.rstCode !== 0) this.destroy(new Error(`reset with ${stream.rstCode}`));
    });
    stream.on("error", (error) => this.destroy(error));
  }

  setTimeout() {}
  setNoDelay() {}

  _read() {
    this.stream?.resume();
  }

  _write(data, _encoding, done) {
    if (this.onHead) {
      const [first, ...lines] = data.toString("latin1").split("\r\n");
      const pairs = lines.map((line) => line.split(/: */, 2)).filter(([name]) => name);
      const head = this.onHead;
      this.onHead = null;
      head(first, Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value])));
      done();
    } else {
      this.stream.write(data, done);
    }
  }

  _final(done) {
    this.stream.end(done);
  }

  _destroy(error, done) {
    if (this.stream && !this.stream.destroyed && !this.stream.writableFinished) this.stream.close(CANCEL);
    done(error);
  }
}

/** The fields of a WebSocket, which are the same in both versions. */
export function webSocketFields(fields) {
  const names = ["sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-version"];
  return Object.fromEntries(names.filter((name) => fields[name] !== undefined).map((name) => [name, fields[name]]));
}

const CANCEL = 8;
