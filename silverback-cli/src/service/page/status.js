// The state of the connection in words: now, while waiting to come back, and after a close.

class StatusPanel {
  constructor() {
    this.countdown = null;
    this.frame = null;
    this.traffic = { sent: { messages: 0, bytes: 0 }, received: { messages: 0, bytes: 0 } };
  }

  showState({ state, attempt, retryAt }) {
    document.body.dataset.state = state;
    setText(byId("status-word"), stateWords[state]);
    setText(byId("toggle"), toggleWords[state]);
    // Not `disabled`: that would throw the keyboard's focus away.
    byId("toggle").setAttribute("aria-disabled", String(state === "closing"));
    byId("negotiated").hidden = state !== "connected";
    byId("retry").hidden = state !== "waiting";
    setText(byId("attempt"), `Attempt ${attempt + 1} is next.`);
    clearInterval(this.countdown);
    if (state === "waiting") this.countDown(retryAt);
    else setText(byId("countdown"), "");
  }

  countDown(retryAt) {
    const show = () => {
      const seconds = Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
      setText(byId("countdown"), `in ${seconds} s`);
    };
    this.countdown = setInterval(show, 200);
    show();
  }

  showNegotiated({ subprotocol, extensions }) {
    setText(byId("subprotocol"), subprotocol || "none");
    setText(byId("extensions"), extensions || "none");
  }

  showVersions({ page, socket }) {
    setText(byId("page-version"), page || "unknown");
    setText(byId("socket-version"), socket || "unknown");
  }

  /** `remarks` are sentences about this very end; the hint for its code comes first. */
  showClose({ code, name, reason, byUs, wasOpen }, remarks) {
    const hints = byUs ? [] : [closeCodeHint(code), ...remarks];
    setText(byId("close-by"), byUs ? "Closed by you" : wasOpen ? "Closed" : "Could not connect");
    setText(byId("close-code"), String(code));
    setText(byId("close-name"), name);
    setText(byId("close-reason"), reason);
    byId("close-reason-line").hidden = reason === "";
    setText(byId("close-hint"), hints.join(" "));
    byId("close-command-line").hidden = true;
    byId("close-details").dataset.ordinary = String(byUs || code === 1000);
    byId("close-details").hidden = false;
  }

  /** What was found out about this end, in place of the hint for its code. */
  showAdvice({ words, command }) {
    setText(byId("close-hint"), words);
    setText(byId("close-command"), command);
    byId("close-command-line").hidden = false;
  }

  clearClose() {
    byId("close-command-line").hidden = true;
    byId("close-details").hidden = true;
  }

  noteTraffic({ direction, size }) {
    this.traffic[direction].messages += 1;
    this.traffic[direction].bytes += size;
    this.frame ??= requestAnimationFrame(() => this.showTraffic());
  }

  showTraffic() {
    this.frame = null;
    for (const [direction, { messages, bytes }] of Object.entries(this.traffic)) {
      setText(byId(`${direction}-total`), `${messages.toLocaleString("en")} (${sizeInWords(bytes)})`);
    }
  }
}

const stateWords = {
  disconnected: "Disconnected",
  connecting: "Connecting…",
  connected: "Connected",
  closing: "Closing…",
  waiting: "Reconnecting",
};

const toggleWords = {
  disconnected: "Connect",
  connecting: "Cancel",
  connected: "Disconnect",
  closing: "Closing…",
  waiting: "Connect now",
};
