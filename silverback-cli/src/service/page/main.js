// Joins the parts: connects the events of the page and of the connection to them.

const isHub = document.body.dataset.serves === "hub";
const ownEcho = isHub ? topicAddress(location) : echoAddress(location);
const log = new Log();
const roundTrips = new RoundTrips();
const announcer = new Announcer(byId("announcer"));
const statusPanel = new StatusPanel();

const logView = new LogView(
  log,
  { scroller: byId("log"), list: byId("rows"), empty: byId("log-empty"), count: byId("row-count"), latest: byId("latest") },
  showLogNote,
);

const latencyPanel = new LatencyPanel(
  {
    figures: { p50: byId("p50"), p95: byId("p95"), p99: byId("p99"), last: byId("last-round-trip") },
    plot: byId("plot"),
    note: byId("latency-note"),
  },
  roundTrips,
);

const connection = new Connection({
  changed: handleChanged,
  opened: handleOpened,
  message: handleMessage,
  closed: handleClosed,
});

const composer = new Composer(
  {
    form: byId("composer"),
    modes: [...document.querySelectorAll('input[name="mode"]')],
    draft: byId("draft"),
    draftField: byId("draft-field"),
    file: byId("file"),
    fileField: byId("file-field"),
    size: byId("draft-size"),
    note: byId("composer-note"),
    copies: byId("copies"),
    every: byId("every"),
    send: byId("send"),
    remembered: byId("remembered"),
    forget: byId("forget"),
  },
  { send: sendMessage, backlog: () => connection.backlog() },
);

const layout = new Layout({ fold: byId("fold"), options: byId("options"), movable: [byId("modes"), byId("repeat")] });

const hubTab = new HubTab({
  form: byId("hub-form"),
  topic: byId("hub-topic"),
  token: byId("hub-token"),
  toggle: byId("hub-toggle"),
  breakIt: byId("hub-break"),
  state: byId("hub-state"),
  facts: byId("hub-facts"),
  client: byId("hub-client"),
  offset: byId("hub-offset"),
  epoch: byId("hub-epoch"),
  fault: byId("hub-fault"),
  composer: byId("hub-composer"),
  draft: byId("hub-draft"),
  publish: byId("hub-publish"),
  publishFault: byId("hub-publish-fault"),
  load: byId("hub-load"),
  clear: byId("hub-clear"),
  count: byId("hub-count"),
  scroller: byId("hub-scroller"),
  list: byId("hub-rows"),
  empty: byId("hub-empty"),
  present: byId("hub-present"),
  presentCount: byId("hub-present-count"),
  presentNote: byId("hub-present-note"),
});

function handleChanged(changed) {
  statusPanel.showState(changed);
  layout.showState(changed);
}

function sendMessage(data) {
  const record = log.message("sent", data);
  const now = performance.now();
  if (!connection.send(data)) return false;
  roundTrips.sent(log.add(record), now);
  statusPanel.noteTraffic(record);
  logView.update();
  return true;
}

function handleMessage(data) {
  const now = performance.now();
  const record = log.message("received", typeof data === "string" ? data : new Uint8Array(data));
  record.roundTrip = roundTrips.received(record, now);
  log.add(record);
  statusPanel.noteTraffic(record);
  logView.update();
  latencyPanel.update();
  announcer.messageReceived(messageInWords(record));
}

function messageInWords(record) {
  const content = record.kind === "text" ? record.data.slice(0, 100) : sizeInWords(record.size);
  const time = record.roundTrip === null ? "" : `, after ${durationInWords(record.roundTrip)}`;
  return `Received ${record.kind}${time}: ${content}`;
}

/** Whether the person asked for this connection: only then the focus moves on to the message. */
let focusWhenOpen = false;

function focusMessage() {
  // On a touch screen the keyboard would cover half of the page.
  if (!focusWhenOpen || matchMedia("(pointer: coarse)").matches) return;
  focusWhenOpen = false;
  const { activeElement } = document;
  if (activeElement === document.body || byId("connection").contains(activeElement)) composer.focus();
}

function connect() {
  try {
    const address = parseField("address", (typed) => parseAddress(typed, location));
    const subprotocols = parseField("subprotocols", parseSubprotocols);
    if (address !== connection.address) roundTrips.clear();
    statusPanel.clearClose();
    focusWhenOpen = true;
    connection.connect(address, subprotocols);
    byId("address").value = address;
    setText(byId("address-now"), address.replace(/^wss?:\/\//, ""));
  } catch (fault) {
    // Already shown beside its field, except where the browser itself refuses the address.
    if (!fault.field) showFault("address", `The browser refuses this address: ${fault.message}`);
  }
}

/** The value of a field, read by `parse`; a fault is shown beside it, and takes the focus there. */
function parseField(id, parse) {
  try {
    const value = parse(byId(id).value);
    showFault(id, "");
    return value;
  } catch (fault) {
    showFault(id, fault.message);
    throw Object.assign(fault, { field: id });
  }
}

function showFault(id, words) {
  const field = byId(id);
  setText(byId(`${id}-fault`), words);
  if (words) {
    field.setAttribute("aria-invalid", "true");
    field.focus();
  } else {
    field.removeAttribute("aria-invalid");
  }
}

function disconnect() {
  const code = byId("close-with-code").value.trim();
  const reason = byId("close-with-reason").value;
  try {
    connection.disconnect(code === "" ? 1000 : Number(code), reason);
    showFault("close-with-code", "");
  } catch {
    byId("closing").open = true;
    showFault("close-with-code", "A page may close with 1000 or 3000 to 4999, and a reason of at most 123 bytes.");
  }
}

function handleOpened({ address, tag, subprotocol, extensions }) {
  statusPanel.clearClose();
  roundTrips.startConnection();
  composer.handleOpened();
  statusPanel.showNegotiated({ subprotocol, extensions });
  showVersions(tag);
  ownEchoOpened ||= address === ownEcho;
  addEvent("open", `Connected to ${address}`, { url: address, subprotocol, extensions });
  remembered.keepAddress(address, ownEcho);
  latencyPanel.update();
  focusMessage();
}

async function showVersions(tag) {
  const page = pageVersion();
  statusPanel.showVersions({ page, socket: "" });
  const socket = await socketVersion(tag, location);
  // Another WebSocket may be open by now.
  if (connection.tag === tag) statusPanel.showVersions({ page, socket });
}

function handleClosed(end) {
  const { code, reason, wasClean, wasOpen } = end;
  for (const record of roundTrips.endConnection()) {
    record.unanswered = true;
    logView.update(record);
  }
  const name = closeCodeName(code);
  statusPanel.showClose({ ...end, name }, remarksOnClose(end));
  const what = wasOpen ? "Closed" : "Could not connect";
  addEvent("close", `${what}: ${code} ${name}${reason ? `, “${reason}”` : ""}`, { code, name, reason, was_clean: wasClean });
  announcer.say(`${what}: ${name}, ${code}.`);
  latencyPanel.update();
  if (!wasOpen && !end.byUs && !ownEchoOpened && connection.address === ownEcho) explainRefusal(connection.attempt);
}

/** Whether the echo beside the page was ever reached: then no proxy between is in the way. */
let ownEchoOpened = false;
let lastAdvice = "";

async function explainRefusal(attempt) {
  const advice = await askWhyRefused(ownEcho, location);
  if (!advice || ownEchoOpened || connection.address !== ownEcho || connection.state === "closing") return;
  if (connection.state === "waiting" && (advice.isFinal || attempt >= mostRefusals)) connection.disconnect();
  statusPanel.showAdvice(advice);
  // Once is enough for the log, however often it is tried.
  if (advice.words !== lastAdvice) addEvent("advice", `${advice.words} More is said by: ${advice.command}`);
  lastAdvice = advice.words;
}

/** After so many attempts that failed while the service answered over HTTP, the page waits to be told. */
const mostRefusals = 5;

function remarksOnClose({ wasOpen, again }) {
  const remarks = [];
  if (!wasOpen && connection.subprotocols.length) {
    remarks.push("This attempt offered subprotocols: a browser gives up when the server chooses none of them.");
  }
  if (!again && connection.reconnects) remarks.push("After this code the page does not reconnect by itself.");
  return remarks;
}

function addEvent(kind, words, details) {
  log.add(log.event(kind, words, details));
  logView.update();
}

let logNoteTimer = null;

function showLogNote(words) {
  setText(byId("log-note"), words);
  announcer.say(words);
  clearTimeout(logNoteTimer);
  logNoteTimer = setTimeout(() => setText(byId("log-note"), ""), 4000);
}

/** Connects to where this browser was last, or to the echo beside the page. */
function connectAtStart() {
  const last = remembered.address();
  byId("address").value = last?.address ?? ownEcho;
  if (last?.isCut) {
    showFault("address", "The rest of this address was not kept, because it may hold a secret.");
  } else {
    connect();
    focusMessage();
  }
}

function handleToggle() {
  if (connection.state === "disconnected") connect();
  else if (connection.state === "waiting") connection.retryNow();
  else if (connection.state !== "closing") disconnect();
}

function setFilter() {
  logView.setFilter(byId("filter-kind").value, byId("filter").value);
}

function setPaused() {
  const paused = byId("pause").getAttribute("aria-pressed") !== "true";
  byId("pause").setAttribute("aria-pressed", String(paused));
  logView.setPaused(paused);
}

async function copyShown() {
  const records = logView.shownRecords();
  const copied = await copyText(records.map(recordLine).join("\n"));
  showLogNote(copied ? `Copied ${countInWords(records.length, "row")}.` : "The browser does not allow copying.");
}

function exportShown() {
  const records = logView.shownRecords();
  const stamp = new Date().toISOString().replace(/[-:]/g, "").replace(/\..*/, "Z");
  download(`echo-${stamp}.ndjson`, "application/x-ndjson", records.map((record) => `${recordJson(record)}\n`).join(""));
  showLogNote(`Exported ${countInWords(records.length, "row")}.`);
}

function clearLog() {
  log.clear();
  logView.clear();
  showLogNote("Cleared.");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  settings.write("theme", theme);
}

function setReconnects(wanted) {
  connection.setReconnects(wanted);
  settings.write("reconnects", String(wanted));
}

byId("connection").addEventListener("submit", (event) => {
  event.preventDefault();
  handleToggle();
});
byId("stop-retry").addEventListener("click", () => {
  connection.disconnect();
  byId("toggle").focus();
});
byId("reconnects").addEventListener("change", (event) => setReconnects(event.target.checked));
byId("filter").addEventListener("input", setFilter);
byId("filter-kind").addEventListener("change", setFilter);
byId("pretty").addEventListener("change", (event) => logView.setPretty(event.target.checked));
byId("pause").addEventListener("click", setPaused);
byId("copy").addEventListener("click", copyShown);
byId("export").addEventListener("click", exportShown);
byId("clear").addEventListener("click", clearLog);
byId("theme").addEventListener("change", (event) => setTheme(event.target.value));
byId("latency-clear").addEventListener("click", () => {
  roundTrips.clear();
  latencyPanel.update();
});
window.addEventListener("online", () => connection.retryNow());

byId("theme").value = settings.read("theme", "auto");
setTheme(byId("theme").value || "auto");
byId("reconnects").checked = settings.read("reconnects", "true") === "true";
connection.setReconnects(byId("reconnects").checked);
setText(byId("log-limit"), `the newest ${mostRecords.toLocaleString("en")} are kept`);
byId("addresses").append(make("option", "", { value: ownEcho }));

/** A hub shows its topics first, and opens a WebSocket when it is asked for. An echo has no tabs. */
function startHub() {
  byId("tabs").hidden = false;
  byId("address").value = remembered.address()?.address ?? ownEcho;
  const panels = { hub: byId("hub"), websocket: byId("websocket") };
  const tabs = new Tabs(byId("tabs"), panels, (name) => history.replaceState(null, "", name === "hub" ? location.pathname : `#${name}`));
  tabs.show(location.hash === "#websocket" ? "websocket" : "hub");
  if (!byId("hub").hidden && !matchMedia("(pointer: coarse)").matches) hubTab.parts.topic.focus();
}

if (isHub) startHub();
else connectAtStart();
