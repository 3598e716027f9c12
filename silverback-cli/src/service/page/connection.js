// One WebSocket and its life: connect, close, and come back after a loss.
// States: disconnected, connecting, connected, closing, waiting (for the next attempt).

/** The echo service beside this page, whatever host, scheme or path prefix led here. */
function echoAddress(location) {
  const address = new URL("echo", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  address.hash = "";
  return address.href;
}

/** A topic of the hub beside this page, for a plain WebSocket: what it sends comes back, and goes to all others there. */
function topicAddress(location) {
  return new URL("ws/topic/chat", echoAddress(location)).href;
}

/** A random tag, by which the service tells this page's WebSocket from others. */
function randomTag() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What was typed, as a ws: or wss: address. Throws an Error worded for people. */
function parseAddress(typed, location) {
  const text = typed.trim();
  if (!text) throw new Error("Type an address such as ws://localhost:8000/ws/echo.");
  if (/\s/.test(text)) throw new Error("This is not a valid address: it has a blank inside.");
  const base = new URL(echoAddress(location));
  let address;
  try {
    const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
    address = hasScheme || text.startsWith("/") ? new URL(text, base) : new URL(`${base.protocol}//${text}`);
  } catch {
    throw new Error("This is not a valid address.");
  }
  if (address.protocol === "http:") address.protocol = "ws:";
  if (address.protocol === "https:") address.protocol = "wss:";
  if (!/^wss?:$/.test(address.protocol)) throw new Error("A WebSocket address begins with ws:// or wss://.");
  address.hash = "";
  if (location.protocol === "https:" && address.protocol === "ws:") {
    throw new Error("A page that came over https may only open wss:// addresses.");
  }
  return address.href;
}

/** Comma-separated names to a list. Each must be an HTTP token and stand once (RFC 6455, 4.1). */
function parseSubprotocols(typed) {
  const names = typed.split(",").map((name) => name.trim()).filter(Boolean);
  const wrong = names.find((name) => !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name));
  if (wrong !== undefined) throw new Error(`“${wrong}” is not a subprotocol name: no blanks or separators inside.`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`“${twice}” stands twice.`);
  return names;
}

class Connection {
  /** `listener` hears changed(connection), message(data), opened(details) and closed(details). */
  constructor(listener) {
    this.listener = listener;
    this.state = "disconnected";
    this.reconnects = true;
    this.attempt = 0;
    this.socket = null;
    this.retryAt = 0;
    this.retryTimer = null;
    this.address = "";
    this.subprotocols = [];
  }

  connect(address, subprotocols) {
    this.address = address;
    this.subprotocols = subprotocols;
    this.attempt = 0;
    this.open();
  }

  retryNow() {
    if (this.state === "waiting") this.open();
  }

  /** Sends a string or bytes. True once the browser has taken it; then it is in order behind all before it. */
  send(data) {
    if (this.state !== "connected" || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(data);
    return true;
  }

  /** Bytes that the browser still holds back. */
  backlog() {
    return this.socket?.bufferedAmount ?? 0;
  }

  /** Ends whatever goes on: a closing handshake, or an attempt, or the wait for one. */
  disconnect(code, reason) {
    clearTimeout(this.retryTimer);
    if (this.state === "waiting") {
      this.enter("disconnected");
    } else if (this.socket) {
      const wasConnected = this.state === "connected";
      // May throw on a bad code or reason; then nothing has changed.
      if (wasConnected && code !== undefined) this.socket.close(code, reason);
      else this.socket.close();
      this.closedByUs = true;
      this.enter("closing");
    }
  }

  setReconnects(wanted) {
    this.reconnects = wanted;
    if (!wanted && this.state === "waiting") this.disconnect();
  }

  open() {
    clearTimeout(this.retryTimer);
    this.attempt += 1;
    this.closedByUs = false;
    this.openedAt = null;
    // Other servers may not expect a query.
    this.tag = this.address === echoAddress(location) ? randomTag() : null;
    const url = this.tag ? `${this.address}?tag=${this.tag}` : this.address;
    const socket = new WebSocket(url, this.subprotocols);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.handleOpen(socket);
    socket.onmessage = (event) => this.listener.message(event.data);
    socket.onclose = (event) => this.handleClose(event);
    this.socket = socket;
    this.enter("connecting");
  }

  handleOpen(socket) {
    this.openedAt = performance.now();
    const { address, tag } = this;
    this.listener.opened({ address, tag, subprotocol: socket.protocol, extensions: socket.extensions });
    this.enter("connected");
  }

  handleClose(event) {
    const wasOpen = this.openedAt !== null;
    // A connection that held for a while earns a fresh, quick first attempt.
    if (wasOpen && performance.now() - this.openedAt > stableAfter) this.attempt = 0;
    this.socket = null;
    const { code, reason, wasClean } = event;
    const again = this.reconnects && !this.closedByUs && worthReconnecting(code);
    this.listener.closed({ code, reason, wasClean, wasOpen, byUs: this.closedByUs, again });
    if (again) this.waitForRetry();
    else this.enter("disconnected");
  }

  waitForRetry() {
    const ceiling = Math.min(longestDelay, firstDelay * 1.6 ** this.attempt);
    // Spread over the upper half, so that a thousand pages do not return in the same instant.
    const delay = ceiling * (0.5 + Math.random() / 2);
    this.retryAt = performance.now() + delay;
    this.retryTimer = setTimeout(() => this.open(), delay);
    this.enter("waiting");
  }

  enter(state) {
    this.state = state;
    this.listener.changed(this);
  }
}

const firstDelay = 2_000;
const longestDelay = 30_000;
const stableAfter = 10_000;
