// One topic of the hub, over the client protocol of Centrifugo in JSON: subscribe, publish, history, presence, and the
// recovery of what was missed while the connection was away.
// States: off, connecting, joined, waiting (for the next attempt).

/** Where the hub beside this page takes such clients. */
function hubAddress(location) {
  const address = new URL("connection/websocket", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  address.hash = "";
  return address.href;
}

/** What was typed, as a payload: JSON if it is JSON, and otherwise a string. */
function payloadOf(typed) {
  try {
    return JSON.parse(typed);
  } catch {
    return typed;
  }
}

class HubClient {
  /**
   * `listener` hears state(client), joined({ publications, recovered, wasAway }), publication(publication),
   * member(info, isHere) and ended(words).
   */
  constructor(listener) {
    this.listener = listener;
    this.state = "off";
    this.client = "";
    this.position = null;
    this.socket = null;
    this.retryTimer = null;
    this.attempt = 0;
    this.wanted = null;
  }

  join(address, topic, token) {
    this.leave();
    this.wanted = { address, topic, token };
    this.position = null;
    this.attempt = 0;
    this.open();
  }

  leave() {
    this.wanted = null;
    clearTimeout(this.retryTimer);
    this.drop(1000);
    this.enter("off");
  }

  /** Loses the connection, as a network would, and comes back. */
  breakConnection() {
    if (this.state !== "joined") return;
    this.drop(4000);
    this.waitForRetry(longBreak);
  }

  publish(data) {
    return this.ask("publish", { channel: this.wanted.topic, data });
  }

  history(limit) {
    return this.ask("history", { channel: this.wanted.topic, limit, reverse: true });
  }

  presence() {
    return this.ask("presence", { channel: this.wanted.topic });
  }

  open() {
    const socket = new WebSocket(this.wanted.address, "centrifuge-json");
    this.socket = socket;
    this.nextId = 1;
    this.asked = new Map();
    socket.onopen = () => this.begin(socket);
    socket.onmessage = ({ data }) => {
      if (this.socket === socket) for (const line of data.split("\n")) this.handle(JSON.parse(line));
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket === socket) this.handleClose(code, reason);
    };
    this.enter("connecting");
  }

  /** Connects and subscribes. A refusal ends it, unless it is temporary. */
  async begin(socket) {
    const { topic, token } = this.wanted;
    try {
      const connected = await this.ask("connect", token ? { token } : {});
      this.client = connected.client;
      const since = this.position ? { recover: true, ...this.position } : {};
      const subscribed = await this.ask("subscribe", { channel: topic, join_leave: true, ...since });
      const wasAway = this.position !== null;
      const { publications = [], recovered = false, epoch = "", offset = 0, positioned = false } = subscribed;
      this.position = positioned ? { epoch, offset } : null;
      this.attempt = 0;
      this.listener.joined({ publications, recovered, wasAway });
      this.enter("joined");
    } catch (fault) {
      if (this.socket !== socket || fault.isClosed) return;
      if (fault.isTemporary) this.drop(4000), this.waitForRetry();
      else this.end(`The hub refuses: ${fault.message}.`);
    }
  }

  ask(method, params) {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      this.asked.set(id, { method, resolve, reject });
      this.socket.send(JSON.stringify({ id, [method]: params }));
    });
  }

  handle(reply) {
    if (reply.push) this.handlePush(reply.push);
    else if (reply.id) this.handleReply(reply);
    // A ping. The answer to it is as empty.
    else this.socket.send("{}");
  }

  handleReply({ id, error, ...result }) {
    const { method, resolve, reject } = this.asked.get(id) ?? {};
    this.asked.delete(id);
    if (!method) return;
    if (error) reject(Object.assign(new Error(`${error.message} (${error.code})`), { isTemporary: error.temporary }));
    else resolve(result[method] ?? {});
  }

  handlePush(push) {
    if (push.channel !== undefined && push.channel !== this.wanted.topic) return;
    if (push.pub) {
      if (this.position) this.position.offset = push.pub.offset;
      this.listener.publication(push.pub);
    } else if (push.join) this.listener.member(push.join.info, true);
    else if (push.leave) this.listener.member(push.leave.info, false);
    else if (push.unsubscribe) this.end(`The hub has ended the subscription: ${push.unsubscribe.reason}.`);
  }

  handleClose(code, reason) {
    this.drop();
    // The protocol's own ranges: after these a client does not come back by itself.
    const isFinal = (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);
    if (isFinal) this.end(`The hub has closed the connection: ${reason || "no reason given"} (${code}).`);
    else this.waitForRetry();
  }

  /** Forgets the connection, and closes it with a code if one is given. */
  drop(code) {
    const { socket, asked } = this;
    this.socket = null;
    if (socket && code) socket.close(code);
    for (const { reject } of asked?.values() ?? []) reject(Object.assign(new Error("the connection is gone"), { isClosed: true }));
    asked?.clear();
  }

  waitForRetry(delay = Math.min(longestHubDelay, firstHubDelay * 2 ** this.attempt) * (0.5 + Math.random() / 2)) {
    this.attempt += 1;
    this.retryTimer = setTimeout(() => this.open(), delay);
    this.enter("waiting");
  }

  end(words) {
    this.leave();
    this.listener.ended(words);
  }

  enter(state) {
    this.state = state;
    this.listener.state(this);
  }
}

const firstHubDelay = 500;
const longestHubDelay = 20_000;
const longBreak = 3_000;
