// The program under test as a child process on a free port of loopback.

import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";

export class Program {
  constructor(file, host, port, options = [], command = "") {
    this.command = command;
    this.file = file;
    this.options = options;
    this.host = host;
    this.port = port;
    this.output = "";
    this.child = null;
  }

  static async onFreePort(file, host = "127.0.0.1", options = [], command = "") {
    const program = new Program(file, host, await freePort(host), options, command);
    await program.start();
    return program;
  }

  authority() {
    return `${this.host.includes(":") ? `[${this.host}]` : this.host}:${this.port}`;
  }

  pageAddress(host = this.authority()) {
    return `${this.isSecure() ? "https" : "http"}://${host}/${this.command === "" ? "ws/echo_display" : ""}`;
  }

  isSecure() {
    return this.options.includes("--tls-self-signed");
  }

  /** The hash of its public key, by which Chromium trusts a certificate that nobody has signed. */
  async pin() {
    const socket = tls.connect({ host: this.host, port: this.port, servername: "localhost", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { publicKey } = new X509Certificate(socket.getPeerCertificate().raw);
    socket.destroy();
    return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
  }

  /** Returns once the page is served. */
  async start() {
    const child = spawn(this.file, [...(this.command ? [this.command] : []), "--listen", this.authority(), ...this.options], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => this.keepOutput(data));
    this.child = child;
    this.ended = once(child, "exit").then(([code, signal]) => ({ code, signal }));
    const deadline = Date.now() + 30_000;
    while (!(await this.serves())) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${this.file} does not serve ${this.pageAddress()}:\n${this.output}`);
      }
      await new Promise((resume) => setTimeout(resume, 50));
    }
  }

  async serves() {
    try {
      if (this.isSecure()) return Boolean(await this.pin());
      return (await fetch(this.pageAddress())).ok;
    } catch {
      return false;
    }
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Stops it where it is. On a busy machine that takes its time; where the system does not tell, it is not waited for. */
  async freeze() {
    this.signal("SIGSTOP");
    const tasks = `/proc/${this.child.pid}/task`;
    const isStopped = (task) => readFileSync(`${tasks}/${task}/stat`, "utf8").split(") ").pop().startsWith("T");
    while (existsSync(tasks) && !readdirSync(tasks).every(isStopped)) await new Promise((resume) => setTimeout(resume, 10));
  }

  /** Asks it to end, as Ctrl-C or a supervisor would, and gives { code, signal }. */
  async stop(name = "SIGTERM") {
    this.signal(name);
    return this.ended;
  }

  async dispose() {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) await this.stop("SIGKILL");
  }

  /** The newest output only: a burst prints a line for each message. */
  keepOutput(data) {
    this.output = (this.output + data).slice(-64 * 1024);
  }
}

export async function freePort(host = "127.0.0.1") {
  const server = net.createServer();
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
