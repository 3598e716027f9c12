// What to send: text, bytes as hex or base64, or a file; with recall, and repeated sending.
// A draft leaves the composer only after the connection has taken it.

class Composer {
  /**
   * `send(data)` gives true if the connection took the message; `backlog()` are the bytes not yet on the way.
   */
  constructor(parts, { send, backlog }) {
    Object.assign(this, { parts, send, backlog });
    this.mode = "text";
    this.file = null;
    this.drafts = { text: "", hex: "", base64: "" };
    this.recalls = { text: new Recall(remembered.texts()), hex: new Recall(), base64: new Recall() };
    this.repeating = null;
    for (const choice of parts.modes) choice.addEventListener("change", () => this.setMode(choice.value));
    parts.draft.addEventListener("keydown", (event) => this.handleKey(event));
    parts.draft.addEventListener("input", () => this.noteDraft());
    parts.file.addEventListener("change", () => this.setFile(parts.file.files[0] ?? null));
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.repeating && event.submitter === parts.send) this.repeating.stopped = true;
      else this.submit();
    });
    parts.forget.addEventListener("click", () => this.forget());
    this.acceptDrops();
    this.setMode("text");
    this.showRemembered();
  }

  focus() {
    this.parts.draft.focus({ preventScroll: true });
  }

  forget() {
    this.recalls.text = new Recall();
    remembered.forgetTexts();
    this.showRemembered();
    this.focus();
  }

  showRemembered() {
    const { length } = remembered.texts();
    this.parts.remembered.hidden = length === 0;
    setText(this.parts.forget, `Forget ${countInWords(length, "text")}`);
  }

  setMode(mode) {
    this.mode = mode;
    const { draft, draftField, fileField } = this.parts;
    draftField.hidden = mode === "file";
    fileField.hidden = mode !== "file";
    if (mode !== "file") {
      draft.value = this.drafts[mode];
      draft.placeholder = placeholders[mode];
      draft.spellcheck = mode === "text";
    }
    this.noteDraft();
  }

  setFile(file) {
    this.file = file;
    this.noteDraft();
  }

  /** Keeps the draft, and says how many bytes it makes. Half a byte is no fault before it is sent. */
  noteDraft() {
    if (this.mode !== "file") this.drafts[this.mode] = this.parts.draft.value;
    setText(this.parts.size, this.sizeOfDraft());
    this.explain("");
  }

  sizeOfDraft() {
    if (this.mode === "file") return this.file ? sizeInWords(this.file.size) : "no file";
    if (this.mode === "text") return countInWords(utf8Length(this.drafts.text), "byte");
    try {
      return countInWords(decoders[this.mode](this.drafts[this.mode]).length, "byte");
    } catch {
      return "not valid yet";
    }
  }

  explain(words) {
    setText(this.parts.note, words);
    if (words) this.parts.draft.setAttribute("aria-invalid", "true");
    else this.parts.draft.removeAttribute("aria-invalid");
  }

  async submit() {
    const { mode } = this;
    const draft = this.drafts[mode];
    const data = await this.takeData();
    if (data === null) return;
    if (!this.send(data)) {
      this.explain(notConnected);
      return;
    }
    if (mode === "file") this.noteDraft();
    else this.noteSent(mode, draft);
    if (!this.repeating) await this.repeat(data);
  }

  /** The message as a string or bytes; null, with the reason shown, if there is none. */
  async takeData() {
    try {
      if (this.mode === "file") return await this.readFile();
      if (this.mode === "text") return wellFormedText(this.drafts.text);
      return decoders[this.mode](this.drafts[this.mode]);
    } catch (error) {
      this.explain(error.message);
      return null;
    }
  }

  async readFile() {
    if (!this.file) throw new Error("Choose a file first.");
    if (this.file.size > largestFile) throw new Error(`This page sends files of up to ${sizeInWords(largestFile)}.`);
    try {
      return new Uint8Array(await this.file.arrayBuffer());
    } catch {
      throw new Error("The file could not be read. Choose it once more.");
    }
  }

  /** Connected again: a message that was refused for want of a connection may go now. */
  handleOpened() {
    if (this.parts.note.textContent === notConnected) this.noteDraft();
  }

  /** Clears what was sent, and only that: the mode or the draft may be another by now. */
  noteSent(mode, draft) {
    this.recalls[mode].add(draft);
    if (mode === "text") {
      remembered.keepTexts(this.recalls.text.entries);
      this.showRemembered();
    }
    if (this.drafts[mode] !== draft) return;
    this.drafts[mode] = "";
    if (this.mode === mode) this.setMode(mode);
  }

  /** Sends the rest of the copies, in slices, so that the page stays alive, and never far ahead of the network. */
  async repeat(data) {
    const copies = wholeNumber(this.parts.copies, 1, 10_000);
    const every = wholeNumber(this.parts.every, 0, 60_000);
    if (copies === 1) return;
    const run = { stopped: false };
    this.repeating = run;
    setText(this.parts.send, "Stop");
    const start = performance.now();
    for (let sent = 1; sent < copies && !run.stopped; sent += 1) {
      if (every > 0) await pauseUntil(start + sent * every);
      else if (sent % copiesPerSlice === 0) await pauseUntil(0);
      while (this.backlog() > mostBacklog && !run.stopped) await pauseUntil(performance.now() + 10);
      if (run.stopped) break;
      if (!this.send(data)) {
        this.explain(`The connection ended after ${sent} of ${countInWords(copies, "message")}.`);
        break;
      }
    }
    this.repeating = null;
    setText(this.parts.send, "Send");
  }

  handleKey(event) {
    // Enter that ends the choice of a character in an input method belongs to the input method.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (!event.repeat) this.parts.form.requestSubmit();
    } else if (event.key === "ArrowUp" && this.mayRecall()) {
      this.recall(event, this.recalls[this.mode].older(this.parts.draft.value));
    } else if (event.key === "ArrowDown" && this.mayRecall() && this.recalls[this.mode].isRecalling()) {
      this.recall(event, this.recalls[this.mode].newer());
    }
  }

  /** Up and Down move the caret inside a text; from its very start, or on a text just recalled, they recall. */
  mayRecall() {
    const { value, selectionStart, selectionEnd } = this.parts.draft;
    if (selectionStart !== selectionEnd) return false;
    return selectionStart === 0 || (selectionEnd === value.length && this.recalls[this.mode].isRecalled(value));
  }

  recall(event, text) {
    if (text === null) return;
    event.preventDefault();
    this.parts.draft.value = text;
    this.parts.draft.setSelectionRange(text.length, text.length);
    this.noteDraft();
  }

  acceptDrops() {
    const { form } = this.parts;
    const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
    form.addEventListener("dragover", (event) => {
      if (!carriesFile(event)) return;
      event.preventDefault();
      form.classList.add("dropping");
    });
    form.addEventListener("dragleave", () => form.classList.remove("dropping"));
    form.addEventListener("drop", (event) => {
      form.classList.remove("dropping");
      if (!carriesFile(event)) return;
      event.preventDefault();
      this.parts.modes.find((choice) => choice.value === "file").checked = true;
      this.setMode("file");
      // So the field shows its name, too.
      this.parts.file.files = event.dataTransfer.files;
      this.setFile(event.dataTransfer.files[0]);
    });
  }
}

/** What was sent before, and where in it Up and Down stand. */
class Recall {
  constructor(entries = []) {
    this.entries = entries;
    this.position = null;
    this.draft = "";
  }

  add(text) {
    this.position = null;
    if (text === "" || this.entries.at(-1) === text) return;
    this.entries.push(text);
    if (this.entries.length > 100) this.entries.shift();
  }

  /** The text before, or null at the oldest. The first step back keeps the unsent draft. */
  older(current) {
    if (!this.isRecalled(current)) {
      this.position = this.entries.length;
      this.draft = current;
    }
    if (this.position === 0) return null;
    this.position -= 1;
    return this.entries[this.position];
  }

  newer() {
    this.position += 1;
    if (this.position < this.entries.length) return this.entries[this.position];
    this.position = null;
    return this.draft;
  }

  isRecalling() {
    return this.position !== null && this.position < this.entries.length;
  }

  isRecalled(text) {
    return this.isRecalling() && this.entries[this.position] === text;
  }
}

function wholeNumber(input, least, most) {
  const typed = Math.round(Number(input.value));
  const number = Math.min(most, Math.max(least, Number.isFinite(typed) ? typed : least));
  input.value = number;
  return number;
}

function pauseUntil(moment) {
  return new Promise((resume) => setTimeout(resume, Math.max(0, moment - performance.now())));
}

const notConnected = "Not connected: nothing was sent. Your message is kept.";
const decoders = { hex: decodeHex, base64: decodeBase64 };
const placeholders = {
  text: "Type a message",
  hex: "48 65 6c 6c 6f",
  base64: "SGVsbG8=",
};
const copiesPerSlice = 50;
const mostBacklog = 1024 * 1024;
const largestFile = 32 * 1024 * 1024;
