// One record as one row: a list item with a cell for each column.

/** A new row for a record. Which part of a long payload it shows is the record's `expanded`. */
function makeRow(record, pretty) {
  const { arrow, word } = directions[record.direction];
  const row = make("li", "row", {
    tabindex: "-1",
    "data-id": record.id,
    "data-direction": record.direction,
    "data-kind": record.kind,
  });
  row.append(
    make("time", "cell time", { datetime: new Date(record.at).toISOString() }, [clockTime(record.at)]),
    make("span", "cell direction", {}, [make("span", "arrow", { "aria-hidden": "true" }, [arrow]), word]),
    make("span", "cell kind", {}, [record.kind]),
    make("div", "cell body"),
    make("span", "cell size", {}, record.direction === "event" ? [] : [sizeInWords(record.size)]),
    make("span", "cell round-trip"),
    make("button", "cell copy", { type: "button", tabindex: "-1", "data-action": "copy" }, ["Copy"]),
  );
  fillBody(row, record, pretty);
  fillRoundTrip(row, record);
  return row;
}

function fillBody(row, record, pretty) {
  const { text, note, more } = shownPayload(record, pretty);
  const payload = make("span", "payload", { dir: record.kind === "binary" ? "ltr" : "auto" }, [...visibleText(text)]);
  const body = row.querySelector(".body");
  body.replaceChildren(payload);
  row.classList.toggle("dump", record.kind === "binary" && Boolean(record.expanded));
  if (note) body.append(make("span", "aside", {}, [note]));
  if (more) {
    const expanded = String(Boolean(record.expanded));
    body.append(make("button", "more", { type: "button", tabindex: "-1", "data-action": "expand", "aria-expanded": expanded }, [more]));
  }
}

function fillRoundTrip(row, record) {
  const cell = row.querySelector(".round-trip");
  if (record.roundTrip !== null) {
    row.dataset.roundTrip = record.roundTrip.toFixed(3);
    cell.textContent = durationInWords(record.roundTrip);
  } else if (record.unanswered) {
    row.dataset.unanswered = "";
    cell.textContent = "no echo";
  }
  row.setAttribute("aria-label", rowInWords(record));
}

/** What a screen reader says when the keys come to a row: the cells in the order in which they matter. */
function rowInWords(record) {
  const { direction, kind, size, roundTrip, unanswered } = record;
  const shown = kind === "binary" ? encodeHex(record.data.subarray(0, 32)) : record.data.slice(0, 200);
  const content = shown.replace(invisible, " ").trim() || "empty";
  const more = shown.length < payloadLength(record) ? "…" : "";
  const parts = [directions[direction].word, kind];
  if (direction !== "event") parts.push(sizeInWords(size));
  if (roundTrip !== null) parts.push(`after ${durationInWords(roundTrip)}`);
  if (unanswered) parts.push("no echo");
  return `${parts.join(", ")}, at ${clockTime(record.at)}: ${content}${more}`;
}

/** The length of the payload in the form that a row shows. */
function payloadLength({ kind, data }) {
  return kind === "binary" ? Math.max(0, data.length * 3 - 1) : data.length;
}

/** What a row shows: the text, a remark after it, and the words of the button for the rest. */
function shownPayload(record, pretty) {
  return record.kind === "binary" ? shownBytes(record) : shownText(record, pretty);
}

function shownText(record, pretty) {
  const text = (pretty && record.data.length <= longestFormatted && formatJson(record.data)) || record.data;
  if (text === "") return { text: "", note: "empty" };
  const short = firstLines(text);
  if (short.length === text.length) return { text };
  if (!record.expanded) return { text: `${short}…`, more: `Show all ${countInWords(text.length, "character")}` };
  if (text.length <= longestShownText) return { text, more: "Show less" };
  const note = `The first ${countInWords(longestShownText, "character")}; copy and export give all.`;
  return { text: text.slice(0, longestShownText), note, more: "Show less" };
}

function shownBytes(record) {
  const bytes = record.data;
  if (bytes.length === 0) return { text: "", note: "empty" };
  if (bytes.length <= 32 && !record.expanded) return { text: encodeHex(bytes) };
  if (!record.expanded) return { text: `${encodeHex(bytes.subarray(0, 32))} …`, more: "Show as hex dump" };
  const note = bytes.length > longestDump ? `The first ${sizeInWords(longestDump)}; copy and export give all.` : "";
  return { text: hexDump(bytes.subarray(0, longestDump)), note, more: "Show less" };
}

/** The first lines and characters, never cut inside a surrogate pair. */
function firstLines(text) {
  let end = Math.min(text.length, 600);
  for (let line = 0, at = -1; line < 16; line += 1) {
    at = text.indexOf("\n", at + 1);
    if (at < 0 || at >= end) break;
    if (line === 15) end = at;
  }
  if (end < text.length && /[\uD800-\uDBFF]/.test(text[end - 1])) end -= 1;
  return text.slice(0, end);
}

/** Each invisible character as a mark: a control as its picture (␛ for escape), another by its number. All else stays. */
function* visibleText(text) {
  let start = 0;
  for (const match of text.matchAll(invisible)) {
    if (match.index > start) yield text.slice(start, match.index);
    yield make("span", "control", {}, [Array.from(match[0], markOf).join("")]);
    start = match.index + match[0].length;
  }
  if (start < text.length) yield text.slice(start);
}

function markOf(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

// Controls, separators of lines, letters that draw nothing, and format characters: these can reverse text. The joiners
// U+200C and U+200D stay, because pictures and some scripts are drawn with them.
const invisible =
  /(?:[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028\u2029\u115F\u1160\u3164\uFFA0]|(?![\u200C\u200D])\p{Cf})+/gu;

const longestShownText = 100_000;
const longestFormatted = 200_000;
const longestDump = 4 * 1024;
