// The tab of the hub: a topic with its publications, who is there, and a form to publish.

class HubTab {
  constructor(parts) {
    this.parts = parts;
    this.rows = new Map();
    this.members = new Map();
    this.client = new HubClient({
      state: (client) => this.showState(client),
      joined: (joined) => this.handleJoined(joined),
      publication: (publication) => this.handlePublication(publication),
      member: (info, isHere) => this.handleMember(info, isHere),
      ended: (words) => this.fail(words),
    });
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.client.state === "off") this.join();
      else this.client.leave();
    });
    parts.composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.publish();
    });
    parts.draft.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.publish();
    });
    parts.breakIt.addEventListener("click", () => this.client.breakConnection());
    parts.load.addEventListener("click", () => this.loadHistory());
    parts.clear.addEventListener("click", () => this.clear());
    parts.topic.value = settings.read("topic", "chat");
  }

  join() {
    const topic = this.parts.topic.value.trim();
    this.fail(topic ? "" : "Type the name of a topic, such as chat.");
    this.parts.topic.toggleAttribute("aria-invalid", !topic);
    if (!topic) return this.parts.topic.focus();
    settings.write("topic", topic);
    this.clear();
    // Never kept: it is a secret.
    this.client.join(hubAddress(location), topic, this.parts.token.value.trim());
  }

  showState(client) {
    const { state } = client;
    document.body.dataset.hub = state;
    setText(this.parts.state, hubStateWords[state]);
    setText(this.parts.toggle, state === "off" ? "Join" : "Leave");
    this.parts.breakIt.hidden = state !== "joined";
    this.parts.facts.hidden = state !== "joined" && state !== "waiting";
    for (const field of [this.parts.topic, this.parts.token]) field.readOnly = state !== "off";
    for (const button of [this.parts.publish, this.parts.load]) {
      button.setAttribute("aria-disabled", String(state !== "joined"));
    }
    if (state === "off") this.showMembers(new Map());
    this.showPosition();
  }

  showPosition() {
    const { position, client } = this.client;
    setText(this.parts.client, client);
    setText(this.parts.offset, position ? String(position.offset) : "no history");
    setText(this.parts.epoch, position?.epoch ?? "–");
  }

  async handleJoined({ publications, recovered, wasAway }) {
    for (const publication of publications) this.addRow(publication, "recovered");
    if (wasAway) {
      const count = countInWords(publications.length, "publication");
      const words = recovered ? `Back again. Missed and recovered: ${count}.` : "Back again, but some publications are lost.";
      this.addRemark(words, recovered);
      announcer.say(words);
    }
    try {
      const { presence = {} } = await this.client.presence();
      this.showMembers(new Map(Object.entries(presence)));
    } catch (fault) {
      if (!fault.isClosed) setText(this.parts.presentNote, `Nobody is shown: ${fault.message}.`);
    }
  }

  handlePublication(publication) {
    this.addRow(publication, "live");
    this.showPosition();
    announcer.messageReceived(`Published: ${dataInWords(publication.data).slice(0, 100)}`);
  }

  handleMember(info, isHere) {
    if (isHere) this.members.set(info.client, info);
    else this.members.delete(info.client);
    this.showMembers(this.members);
  }

  async publish() {
    const { draft, publish } = this.parts;
    if (publish.getAttribute("aria-disabled") === "true" || draft.value === "") return;
    try {
      const typed = draft.value;
      draft.value = "";
      this.fail("", "publishFault");
      await this.client.publish(payloadOf(typed));
    } catch (fault) {
      this.fail(`Not published: ${fault.message}.`, "publishFault");
    }
    draft.focus();
  }

  async loadHistory() {
    if (this.parts.load.getAttribute("aria-disabled") === "true") return;
    try {
      const { publications = [] } = await this.client.history(mostFromHistory);
      this.fail("");
      // The newest comes first.
      const added = publications.filter((publication) => this.addRow(publication, "history")).length;
      this.addRemark(`From the history: ${countInWords(added, "publication")} more.`, true);
    } catch (fault) {
      this.fail(`No history: ${fault.message}.`);
    }
  }

  /** Puts a publication in its place by its offset. False if it is there already. */
  addRow({ data, offset = 0, info, tags }, source) {
    if (offset && this.rows.has(offset)) return false;
    const by = info ? info.user || `client ${info.client.slice(-6)}` : "the server";
    const labels = Object.entries(tags ?? {}).map(([name, value]) => `${name}=${value}`);
    const time = source === "live" ? new Date().toTimeString().slice(0, 8) : source;
    const cell = (name, text) => make("span", name, {}, [text]);
    const row = make("li", "hub-row", { "data-source": source, "data-offset": String(offset) }, [
      cell("offset", offset ? `#${offset}` : "–"),
      cell("when", time),
      cell("by", by),
      make("span", "payload", { dir: "auto" }, [dataInWords(data)]),
      ...labels.map((label) => cell("tag", label)),
    ]);
    this.place(row, offset);
    return true;
  }

  addRemark(words, isGood) {
    this.place(make("li", "hub-row hub-remark", { "data-good": String(isGood) }, [words]), 0);
  }

  place(row, offset) {
    const { list, scroller } = this.parts;
    const isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 40;
    const later = offset ? [...list.children].find((other) => Number(other.dataset.offset ?? 0) > offset) : undefined;
    list.insertBefore(row, later ?? null);
    if (offset) this.rows.set(offset, row);
    while (list.children.length > mostHubRows) {
      this.rows.delete(Number(list.firstChild.dataset.offset));
      list.firstChild.remove();
    }
    this.parts.empty.hidden = true;
    setText(this.parts.count, countInWords(list.querySelectorAll("[data-offset]").length, "row"));
    if (isAtEnd) scroller.scrollTop = scroller.scrollHeight;
  }

  clear() {
    this.rows.clear();
    this.parts.list.replaceChildren();
    this.parts.empty.hidden = false;
    setText(this.parts.count, "0 rows");
  }

  showMembers(members) {
    this.members = members;
    const own = this.client.client;
    const entry = ([id, { user, conn_info }]) => {
      const name = user || "anonymous";
      const remarks = [id === own ? "this page" : "", conn_info === undefined ? "" : dataInWords(conn_info)];
      return make("li", "", { "data-client": id }, [
        make("span", "user", {}, [name]),
        make("span", "remark", {}, [[`…${id.slice(-6)}`, ...remarks].filter(Boolean).join(", ")]),
      ]);
    };
    const shown = [...members].slice(0, mostMembers).map(entry);
    this.parts.present.replaceChildren(...shown);
    setText(this.parts.presentCount, countInWords(members.size, "connection"));
    const more = members.size - shown.length;
    setText(this.parts.presentNote, more > 0 ? `${more.toLocaleString("en")} more are not shown.` : "");
  }

  fail(words, where = "fault") {
    setText(this.parts[where], words);
    if (words) announcer.say(words);
  }
}

/** A payload as one text: a string as it is, and anything else as JSON. */
function dataInWords(data) {
  return typeof data === "string" ? data : JSON.stringify(data) ?? "";
}

const hubStateWords = { off: "Not joined", connecting: "Joining…", joined: "Joined", waiting: "Away, coming back" };

const mostHubRows = 500;
const mostFromHistory = 100;
const mostMembers = 200;
