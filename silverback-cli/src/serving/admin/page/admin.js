// Asks for the figures every two seconds and shows them. All text goes into text nodes.

const byId = (id) => document.getElementById(id);
const PERIOD = 2000;
const KEPT = 60;
const SLOW = 64 * 1024;

let token = sessionStorage.getItem("token") ?? "";
let last = null;
let isEnding = false;
let pid = null;
const histories = new Map();

async function ask(path, body) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const init = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(path, { ...init, cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (response.status === 401) {
    throw new Unauthorized();
  }
  if (!response.ok) {
    throw new Error((await response.text()).trim() || `status ${response.status}`);
  }
  return response.json();
}

class Unauthorized extends Error {}

async function refresh() {
  try {
    const query = `sort=${byId("sort").value}&limit=${byId("limit").value}`;
    const [stats, list] = await Promise.all([ask("stats.json"), ask(`connections.json?${query}`)]);
    byId("login").hidden = true;
    byId("main").hidden = byId("drain").hidden = false;
    showStats(stats);
    showConnections(list);
    byId("topics-section").hidden = byId("topics-link").hidden = stats.engine === null;
    if (stats.engine !== null) {
      await refreshTopics();
    }
  } catch (error) {
    if (error instanceof Unauthorized) {
      return logIn();
    }
    showState(isEnding ? "ended" : "no answer", isEnding ? "warn" : "bad");
    // The last figures stay, and nothing can be done any more.
    if (isEnding) {
      byId("drain").disabled = true;
      byId("connections").querySelectorAll("button").forEach((button) => (button.disabled = true));
    }
  }
  setTimeout(refresh, document.hidden ? PERIOD * 5 : PERIOD);
}

function logIn() {
  byId("login-fault").textContent = token ? "This is not the token." : "";
  token = "";
  sessionStorage.removeItem("token");
  byId("main").hidden = byId("drain").hidden = true;
  byId("login").hidden = false;
  showState("needs a token", "warn");
  byId("token").focus();
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  sessionStorage.setItem("token", token);
  byId("token").value = "";
  refresh();
});

function showState(text, kind) {
  const state = byId("state");
  if (state.textContent !== text) {
    state.textContent = text;
  }
  state.className = `pill ${kind}`;
}

function showStats(stats) {
  if (stats.pid !== pid) {
    // A program that was started again.
    pid = stats.pid;
    isEnding = false;
    last = null;
  }
  isEnding ||= stats.draining;
  if (stats.draining) {
    showState("draining", "warn");
  } else {
    showState(stats.ready ? "ready" : "not ready", stats.ready ? "good" : "bad");
  }
  byId("drain").disabled = stats.draining;
  byId("about").textContent = `version ${stats.version}, process ${stats.pid}, up ${time(stats.uptime_s)}`;
  const opened = sum(Object.values(stats.connections.opened));
  const closed = sum(stats.closes.map((close) => close.count));
  const refused = sum(Object.entries(stats.handshakes).filter(([name]) => name !== "accepted").map(([, n]) => n));
  const now = { at: stats.uptime_s, opened, closed, refused, ...stats.traffic };
  const rate = (name) => {
    const passed = last === null ? 0 : now.at - last.at;
    return passed > 0 ? Math.max(0, now[name] - last[name]) / passed : null;
  };
  const { open, limit } = stats.connections;
  const took = (what, mean) => (mean === null ? "" : `; ${what} ${mean.toFixed(1)} ms`);
  tiles([
    ["Connections", count(open), `of ${count(limit)}${took("ping", stats.round_trip.mean_ms)}`, open],
    ["Opened", `${decimal(rate("opened"))} / s`,
      `${count(opened)} in all, ${count(refused)} refused${took("handshake", stats.handshake_time.mean_ms)}`, rate("opened")],
    ["Ended", `${decimal(rate("closed"))} / s`, `${count(closed)} in all`, rate("closed")],
    ["Messages in", `${decimal(rate("messages_in"))} / s`, `${count(now.messages_in)} in all`, rate("messages_in")],
    ["Messages out", `${decimal(rate("messages_out"))} / s`, `${count(now.messages_out)} in all`, rate("messages_out")],
    ["Bytes in", `${bytes(rate("bytes_in"))} / s`, `${bytes(now.bytes_in)} in all`, rate("bytes_in")],
    ["Bytes out", `${bytes(rate("bytes_out"))} / s`, `${bytes(now.bytes_out)} in all`, rate("bytes_out")],
    ["Queued", bytes(stats.queue.bytes), `${count(stats.queue.slow)} slow, longest ${bytes(stats.queue.largest)}`,
      stats.queue.bytes],
  ]);
  last = now;
  rows("closes", stats.closes, ({ code, side, count: n }) => [code, SIDES[side] ?? side, number(count(n))], 3);
  const handshakes = Object.entries(stats.handshakes).filter(([name, n]) => n > 0 || name === "accepted");
  rows("handshakes", handshakes, ([name, n]) => [name.replaceAll("_", " "), number(count(n))], 2);
  showEngine(stats.engine);
  byId("site-section").hidden = stats.site.length === 0;
  byId("site").replaceChildren(...stats.site.filter(({ name }) => !IN_ENGINE.includes(name)).map(named));
  rows("process", stats.process, figure, 2);
}

function showEngine(engine) {
  byId("engine-section").hidden = engine === null;
  if (engine === null) {
    return;
  }
  const { name, up, since_s: since, reconnects, last_error: error, nodes } = engine;
  const state = byId("engine-state");
  const text = `${name} is ${up ? "up" : "down"}`;
  if (state.textContent !== text) {
    state.textContent = text;
  }
  state.className = `pill ${up ? "good" : "bad"}`;
  const last = error === null ? "none" : `${error.kind.replaceAll("_", " ")}, ${time(error.ago_s)} ago`;
  const shown = [[up ? "Up for" : "Down for", time(since)], ["Reconnects", count(reconnects)], ["Last error", last], ["Nodes", count(nodes)]];
  rows("engine", shown, ([words, value]) => [words, number(value)], 2);
}

const SIDES = { client: "the client", server: "this server", none: "nobody: lost" };

/** Figures that the state of the engine has, too. */
const IN_ENGINE = ["hub_backplane_up", "hub_backplane_reconnects_total", "hub_nodes"];

/** A figure under its own name, because the sentence about it is long. */
function named({ name, help, labels, value }) {
  const words = name.replace(/^(hub|websocket)_/, "").replace(/(_total|_seconds|_bytes)+$/, "").replaceAll("_", " ");
  const label = Object.values(labels).join(", ").replaceAll("_", " ");
  const row = element("div");
  row.title = help;
  row.append(element("dt", "", words + (label ? `: ${label}` : "")), element("dd", "", shownValue(name, value)));
  return row;
}

function shownValue(name, value) {
  if (name.endsWith("_bytes")) {
    return bytes(value);
  }
  return name.endsWith("_duration_seconds") ? `${(value * 1000).toFixed(2)} ms` : name.endsWith("_seconds_total") ? time(value) : count(value);
}

function figure({ name, help, labels, value }) {
  const label = Object.values(labels).join(", ").replaceAll("_", " ");
  const words = help.replace(/\.$/, "") + (label ? `: ${label}` : "");
  return [words, number(shownValue(name, value))];
}

function tiles(list) {
  const place = byId("tiles");
  for (const [name, value, more, point] of list) {
    const history = histories.get(name) ?? [];
    histories.set(name, history);
    // There is no rate before the second look.
    if (point !== null) {
      history.push(point);
    }
    history.splice(0, Math.max(0, history.length - KEPT));
    let tile = [...place.children].find((child) => child.dataset.name === name);
    if (tile === undefined) {
      tile = element("div", "tile");
      tile.dataset.name = name;
      tile.append(element("span", "name", name), element("span", "value"), element("span", "more"), line());
      place.append(tile);
    }
    tile.children[1].textContent = value;
    tile.children[2].textContent = more;
    draw(tile.querySelector("path"), history);
  }
}

function line() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${KEPT - 1} 20`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  return svg;
}

function draw(path, history) {
  const most = Math.max(...history, Number.MIN_VALUE);
  const first = KEPT - history.length;
  const points = history.map((value, index) => `${first + index} ${(19 - (18 * value) / most).toFixed(2)}`);
  path.setAttribute("d", points.length > 1 ? `M ${points.join(" L ")}` : "");
}

function showConnections({ total, connections }) {
  byId("shown").textContent = total === connections.length ? count(total) : `${count(connections.length)} of ${count(total)}`;
  rows("connections", connections, (connection) => {
    const kick = element("button", "danger", "Close");
    kick.type = "button";
    kick.setAttribute("aria-label", `Close connection ${connection.id}`);
    kick.disabled = !connection.is_open;
    kick.dataset.id = connection.id;
    const path = element("td", "path", connection.path);
    if (connection.subprotocol !== null) {
      path.append(element("small", "", ` (${connection.subprotocol})`));
    }
    const action = element("td", "action");
    action.append(kick);
    return [connection.id, connection.peer, path, connection.http, time(connection.age_s),
      `${count(connection.messages_in)} / ${count(connection.messages_out)}`,
      `${bytes(connection.bytes_in)} / ${bytes(connection.bytes_out)}`, bytes(connection.queued_bytes),
      connection.rtt_ms === null ? element("td", "unknown", "\u2013") : `${connection.rtt_ms.toFixed(1)} ms`, action];
  }, 10, (connection) => connection.queued_bytes >= SLOW);
}

/** The names of the columns, for narrow screens. */
const COLUMNS = {
  connections: ["Id", "Client", "Path", "HTTP", "Open for", "Messages in / out", "Bytes in / out", "Queued", "Ping", ""],
  topics: ["Topic", "Subscribers", "Offset"],
};

function showTopics({ total, topics }) {
  byId("topics-shown").textContent = total === topics.length ? count(total) : `${topics.length} of ${count(total)}`;
  rows("topics", topics, ({ name, subscribers, offset, epoch }) => {
    const position = element("td", offset === null ? "unknown" : "", offset === null ? "\u2013" : count(offset));
    position.title = epoch === null ? "without history" : `epoch ${epoch}`;
    return [element("td", "path", name), count(subscribers), position];
  }, 3);
}

async function refreshTopics() {
  const text = byId("find").value;
  const list = await ask(`topics.json?limit=100&q=${encodeURIComponent(text)}`);
  // Drop the answer if the user has typed more meanwhile.
  if (byId("find").value === text) {
    showTopics(list);
  }
}

let finding;
byId("find").addEventListener("input", () => {
  clearTimeout(finding);
  finding = setTimeout(() => refreshTopics().catch(() => {}), 150);
});

function rows(id, items, cells, width, isSlow = () => false) {
  const body = byId(id);
  // A person may be about to press a button in this table.
  const focused = body.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
  const list = items.map((item) => {
    const row = element("tr", isSlow(item) ? "slow" : "");
    cells(item).forEach((content, column) => {
      const cell = content instanceof HTMLElement ? content : element("td", "", String(content));
      if (COLUMNS[id] !== undefined) {
        cell.dataset.name = COLUMNS[id][column];
      }
      row.append(cell);
    });
    return row;
  });
  if (list.length === 0) {
    const cell = element("td", "empty", "none");
    cell.colSpan = width;
    const row = element("tr");
    row.append(cell);
    list.push(row);
  }
  body.replaceChildren(...list);
  if (focused !== undefined) {
    body.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }
}

byId("connections").addEventListener("click", async (event) => {
  const id = event.target.dataset?.id;
  if (id !== undefined && await sure(`Close connection ${id}?`, "Its client is told code 4500: do not come back.", "Close it")) {
    await act("kick", { id: Number(id) });
  }
});

byId("drain").addEventListener("click", async () => {
  const text = "New connections are refused, all others are closed over the drain window, and then the program ends.";
  if (await sure("Drain this server?", text, "Drain")) {
    await act("drain", {});
    isEnding = true;
  }
});

async function act(path, body) {
  const fault = byId("fault");
  fault.hidden = true;
  try {
    await ask(path, body);
    await refreshList();
  } catch (error) {
    fault.textContent = error instanceof Unauthorized ? "This needs the token." : error.message;
    fault.hidden = false;
  }
}

function sure(title, text, yes) {
  const dialog = byId("ask");
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

function number(text) {
  return element("td", "number", text);
}

function sum(numbers) {
  return numbers.reduce((all, one) => all + one, 0);
}

function count(value) {
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(2);
}

function decimal(value) {
  if (value === null) {
    return "\u2013";
  }
  return value >= 100 ? count(Math.round(value)) : value.toFixed(1);
}

function bytes(value) {
  if (value === null) {
    return "\u2013";
  }
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function time(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => seconds >= size);
  if (first < 0) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  const [size, unit] = parts[first];
  const whole = Math.floor(seconds / size);
  const next = parts[first + 1];
  const rest = next === undefined ? 0 : Math.floor((seconds % size) / next[0]);
  return rest > 0 ? `${whole} ${unit} ${rest} ${next[1]}` : `${whole} ${unit}`;
}

byId("sort").addEventListener("change", refreshList);
byId("limit").addEventListener("change", refreshList);

async function refreshList() {
  try {
    showConnections(await ask(`connections.json?sort=${byId("sort").value}&limit=${byId("limit").value}`));
  } catch {
    // The next round shows what is wrong.
  }
}

refresh();
