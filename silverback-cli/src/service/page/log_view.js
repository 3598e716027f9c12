// The rows on screen. They change at most once per frame, however many messages arrive in between. They are in groups,
// so that the browser lays out and paints only the groups in view.

class LogView {
  /** `parts`: scroller, list, empty, count, latest. `said(words)` reports what a key or button did. */
  constructor(log, parts, said) {
    this.log = log;
    this.parts = parts;
    this.said = said;
    this.rows = new Map();
    this.lastShownId = 0;
    this.matches = recordFilter("all", "");
    this.pretty = false;
    this.paused = false;
    this.frame = null;
    /** The first record that came after the reader had scrolled away. */
    this.firstUnseen = null;
    this.last = { top: 0, height: 0, view: 0 };
    this.scrolledByHand = -Infinity;
    this.changedRecords = new Set();
    this.follow(true);
    parts.scroller.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    for (const hand of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      parts.scroller.addEventListener(hand, () => (this.scrolledByHand = performance.now()), { passive: true });
    }
    parts.latest.addEventListener("click", () => this.goToLatest());
    parts.list.addEventListener("click", (event) => this.handleClick(event));
    parts.scroller.addEventListener("keydown", (event) => this.handleKey(event));
    // The list grows with its rows, the view shrinks when a panel beside it grows.
    const resized = new ResizeObserver(() => this.stayAtLatest());
    resized.observe(parts.list);
    resized.observe(parts.scroller);
  }

  /** A record was added, or the one given has changed. */
  update(changed) {
    if (changed) this.changedRecords.add(changed);
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  setFilter(choice, words) {
    this.matches = recordFilter(choice, words);
    for (const { row, record } of this.rows.values()) row.hidden = !this.matches(record);
    for (const group of this.parts.list.children) estimateHeight(group);
    this.update();
  }

  setPaused(paused) {
    this.paused = paused;
    this.update();
  }

  setPretty(pretty) {
    this.pretty = pretty;
    for (const { row, record } of this.rows.values()) {
      if (record.kind === "text") fillBody(row, record, pretty);
    }
  }

  clear() {
    this.rows.clear();
    this.parts.list.replaceChildren();
    this.lastShownId = this.log.nextId - 1;
    this.follow(true);
    this.update();
  }

  /** The records that match the filter, as they stand on screen. */
  shownRecords() {
    return [...this.rows.values()].filter(({ row }) => !row.hidden).map(({ record }) => record);
  }

  draw() {
    this.frame = null;
    if (!this.paused) {
      const more = this.appendNew();
      this.removeDropped();
      if (more) this.update();
    }
    this.redrawChanged();
    // A filter may leave so few rows that all are in view: then the latest is, too.
    if (!this.follows && this.isAtLatest()) this.follow(true);
    this.stayAtLatest();
    this.drawCount();
  }

  /** Adds rows for new records, a bounded number per frame. True if some are left for the next. */
  appendNew() {
    const { records } = this.log;
    const first = Math.max(0, records.length - (this.log.nextId - 1 - this.lastShownId));
    const fresh = records.slice(first, first + mostRowsPerFrame);
    const touched = new Set();
    for (const record of fresh) {
      const row = makeRow(record, this.pretty);
      row.hidden = !this.matches(record);
      if (!this.follows) this.firstUnseen ??= record.id;
      this.rows.set(record.id, { row, record });
      this.lastShownId = record.id;
      const group = this.groupForNext();
      group.append(row);
      touched.add(group);
    }
    touched.forEach(estimateHeight);
    return first + fresh.length < records.length;
  }

  groupForNext() {
    const { list } = this.parts;
    if (!list.lastElementChild || list.lastElementChild.childElementCount >= rowsPerGroup) list.append(make("ol", "group"));
    return list.lastElementChild;
  }

  removeDropped() {
    const oldest = this.log.oldestId();
    for (const [id, { row }] of this.rows) {
      if (id >= oldest) break;
      const group = row.parentElement;
      row.remove();
      if (group.childElementCount === 0) group.remove();
      this.rows.delete(id);
    }
  }

  redrawChanged() {
    for (const record of this.changedRecords) {
      const shown = this.rows.get(record.id);
      if (shown) fillRoundTrip(shown.row, record);
    }
    this.changedRecords.clear();
  }

  drawCount() {
    const shownRecords = this.shownRecords();
    const shown = shownRecords.length;
    const waiting = this.paused ? this.log.nextId - 1 - this.lastShownId : 0;
    const parts = [shown === this.rows.size ? countInWords(shown, "row") : `${shown.toLocaleString("en")} of ${countInWords(this.rows.size, "row")}`];
    if (waiting) parts.push(`${waiting.toLocaleString("en")} new while paused`);
    if (this.log.dropped) parts.push(`${this.log.dropped.toLocaleString("en")} oldest dropped`);
    setText(this.parts.count, parts.join(" · "));
    this.drawEmpty(shown);
    this.parts.latest.hidden = this.follows;
    const unseen = this.firstUnseen === null ? 0 : shownRecords.filter((record) => record.id >= this.firstUnseen).length;
    setText(this.parts.latest, unseen ? `↓ ${unseen.toLocaleString("en")} new` : "↓ Latest");
  }

  drawEmpty(shown) {
    const noneMatches = shown === 0 && this.rows.size > 0;
    setText(this.parts.empty, noneMatches ? "No rows match." : nothingSent);
    this.parts.empty.hidden = !noneMatches && this.log.records.some((record) => record.direction !== "event");
  }

  /** Only a reader who scrolls up leaves the latest row. A row or view that changes its size moves the others, too. */
  noteScroll() {
    const { top, height, view } = this.last;
    const now = this.rememberPlace();
    const isMoved = now.top < top && now.height === height && now.view === view;
    const leaves = isMoved || performance.now() - this.scrolledByHand < handLasts;
    const follows = this.isAtLatest() || (this.follows && !leaves);
    if (follows === this.follows) return this.stayAtLatest();
    this.follow(follows);
    this.update();
  }

  rememberPlace() {
    const { scrollTop, scrollHeight, clientHeight } = this.parts.scroller;
    this.last = { top: scrollTop, height: scrollHeight, view: clientHeight };
    return this.last;
  }

  isAtLatest() {
    const { scroller } = this.parts;
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 24;
  }

  follow(follows) {
    this.follows = follows;
    if (follows) this.firstUnseen = null;
    // While it follows, the browser must not hold on to a row that moves away.
    this.parts.scroller.toggleAttribute("data-follows", follows);
  }

  stayAtLatest() {
    const { scroller } = this.parts;
    if (!this.follows || this.paused) return;
    scroller.scrollTop = scroller.scrollHeight;
    this.rememberPlace();
  }

  goToLatest() {
    this.follow(true);
    this.stayAtLatest();
    this.update();
    this.parts.scroller.focus({ preventScroll: true });
  }

  handleClick(event) {
    const action = event.target.closest("[data-action]")?.dataset.action;
    const row = event.target.closest(".row");
    if (action === "expand") this.toggle(row);
    if (action === "copy") this.copy(row);
  }

  toggle(row) {
    const { record } = this.rows.get(Number(row.dataset.id));
    const hadFocus = row.contains(document.activeElement);
    record.expanded = !record.expanded;
    fillBody(row, record, this.pretty);
    if (hadFocus) row.focus({ preventScroll: true });
  }

  async copy(row) {
    const { record } = this.rows.get(Number(row.dataset.id));
    const copied = await copyText(payloadText(record));
    this.said(copied ? "Copied the message." : "The browser does not allow copying.");
  }

  /** One stop for Tab; inside, the arrow keys walk the rows. */
  handleKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const row = event.target.closest(".row");
    const target = this.rowForKey(event.key, row);
    if (target) {
      target.focus({ preventScroll: true });
      target.scrollIntoView({ block: "nearest" });
    } else if (event.target === row && (event.key === "Enter" || event.key === " ") && row.querySelector(".more")) {
      this.toggle(row);
    } else if (row && event.key.toLowerCase() === "c") {
      this.copy(row);
    } else if (row && event.key === "Escape") {
      this.goToLatest();
    } else {
      return;
    }
    event.preventDefault();
  }

  rowForKey(key, row) {
    const { list } = this.parts;
    if (key === "Home") return visibleFrom(list.firstElementChild?.firstElementChild, 1);
    if (key === "End") return visibleFrom(list.lastElementChild?.lastElementChild, -1);
    if (key !== "ArrowUp" && key !== "ArrowDown") return null;
    if (!row) return this.rowForKey("End");
    const step = key === "ArrowUp" ? -1 : 1;
    return visibleFrom(neighbour(row, step), step) ?? row;
  }
}

/** The row itself or the next one that the filter shows, forwards (1) or backwards (-1). */
function visibleFrom(row, step) {
  let next = row;
  while (next?.hidden) next = neighbour(next, step);
  return next;
}

function neighbour(row, step) {
  if (step > 0) return row.nextElementSibling ?? row.parentElement.nextElementSibling?.firstElementChild;
  return row.previousElementSibling ?? row.parentElement.previousElementSibling?.lastElementChild;
}

/** The height that a group out of view is taken to have. */
function estimateHeight(group) {
  const shown = [...group.children].filter((row) => !row.hidden).length;
  group.hidden = shown === 0;
  group.style.containIntrinsicBlockSize = `${shown * likelyRowHeight}px`;
}

const nothingSent = "Nothing sent yet. Type a message and press Enter: the server sends it back.";
/** How long after a key, wheel or finger a scroll is the reader's, in milliseconds. */
const handLasts = 1000;
const mostRowsPerFrame = 120;
const rowsPerGroup = 50;
const likelyRowHeight = 31;
