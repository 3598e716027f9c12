// Small helpers for the page. Text enters it through text nodes only: no markup is ever parsed.

function byId(id) {
  return document.getElementById(id);
}

/** A new element with a class, attributes and children; a string child becomes a text node. */
function make(name, className, attributes = {}, children = []) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Remembers small choices. A browser that keeps nothing (private windows, blocked storage) still works. */
const settings = {
  read(name, fallback) {
    try {
      return localStorage.getItem(`silverback.${name}`) ?? fallback;
    } catch {
      return fallback;
    }
  },
  write(name, value) {
    try {
      localStorage.setItem(`silverback.${name}`, value);
    } catch {
      // Nothing to do: the choice holds until the page is left.
    }
  },
  remove(name) {
    try {
      localStorage.removeItem(`silverback.${name}`);
    } catch {
      // Then nothing was kept.
    }
  },
};

/** Copies text; on plain http beyond loopback there is no clipboard API, so the old command serves there. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const carrier = make("textarea", "visually-hidden", { "aria-hidden": "true" });
  carrier.value = text;
  document.body.append(carrier);
  carrier.select();
  const copied = document.execCommand("copy");
  carrier.remove();
  focused?.focus();
  return copied;
}

function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = make("a", "", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A polite live region that speaks at most every second and a half, so that a burst is one sentence. */
class Announcer {
  constructor(region) {
    this.region = region;
    this.received = 0;
    this.sentence = "";
    this.timer = null;
  }

  say(sentence) {
    this.sentence = sentence;
    this.speakSoon();
  }

  messageReceived(summary) {
    this.received += 1;
    this.latest = summary;
    this.speakSoon();
  }

  speakSoon() {
    this.timer ??= setTimeout(() => this.speak(), 300);
  }

  speak() {
    const messages = this.received === 1 ? this.latest : `${countInWords(this.received, "message")} received.`;
    this.region.textContent = [this.sentence, this.received ? messages : ""].filter(Boolean).join(" ");
    this.sentence = "";
    this.received = 0;
    // The pause keeps the next sentence from cutting this one off.
    this.timer = setTimeout(() => {
      this.timer = null;
      if (this.sentence || this.received) this.speakSoon();
    }, 1200);
  }
}
