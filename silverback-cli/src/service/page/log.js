// What happened, newest last: at most 5,000 records and 64 MiB of payload.
// How a record looks as text, as NDJSON and for the filter. The rows on screen are log_view.js.

class Log {
  constructor() {
    this.records = [];
    this.payloadBytes = 0;
    this.dropped = 0;
    this.nextId = 1;
  }

  /** A message: `data` is a string or a Uint8Array. */
  message(direction, data) {
    const kind = typeof data === "string" ? "text" : "binary";
    const size = kind === "text" ? utf8Length(data) : data.length;
    return { direction, kind, data, size, roundTrip: null, unanswered: false };
  }

  /** Something that happened to the connection, in words, with its details for the export. */
  event(kind, words, details = {}) {
    return { direction: "event", kind, data: words, size: 0, roundTrip: null, unanswered: false, details };
  }

  add(record) {
    record.id = this.nextId;
    record.at = Date.now();
    this.nextId += 1;
    this.records.push(record);
    this.payloadBytes += record.size;
    while (this.records.length > mostRecords || (this.payloadBytes > mostPayloadBytes && this.records.length > 1)) {
      this.payloadBytes -= this.records.shift().size;
      this.dropped += 1;
    }
    return record;
  }

  clear() {
    this.records = [];
    this.payloadBytes = 0;
    this.dropped = 0;
  }

  oldestId() {
    return this.records[0]?.id ?? this.nextId;
  }
}

/** A test for records: a choice of rows and words that must occur, whatever their case. */
function recordFilter(choice, words) {
  const typed = words.trim();
  const pattern = new RegExp(typed.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "iu");
  return (record) => {
    if (choice !== "all" && record.direction !== choice && record.kind !== choice) return false;
    return typed === "" || pattern.test(searchableText(record));
  };
}

function searchableText(record) {
  return record.kind === "binary" ? encodeHex(record.data.subarray(0, searchedBytes)) : record.data;
}

/** The payload alone: text as it is, bytes as hex. */
function payloadText(record) {
  return record.kind === "binary" ? encodeHex(record.data) : record.data;
}

/** One line of plain text per record, in the order of the columns. */
function recordLine(record) {
  const { arrow, word } = directions[record.direction];
  const parts = [clockTime(record.at), `${arrow} ${word}`, record.kind];
  if (record.direction !== "event") parts.push(sizeInWords(record.size));
  if (record.roundTrip !== null) parts.push(durationInWords(record.roundTrip));
  parts.push(payloadText(record));
  return parts.join("  ");
}

/** One line of NDJSON, as `silverback connect --record` writes it: `--replay` reads both. */
function recordJson(record) {
  const line = { time: new Date(record.at).toISOString(), type: record.kind };
  if (record.direction === "event") {
    Object.assign(line, { message: record.data }, record.details);
  } else {
    Object.assign(line, { direction: record.direction, size: record.size });
    if (record.kind === "text") line.data = record.data;
    else line.base64 = encodeBase64(record.data);
    if (record.roundTrip !== null) line.round_trip_ms = Number(record.roundTrip.toFixed(3));
  }
  return JSON.stringify(line);
}

const directions = {
  sent: { arrow: "↑", word: "Sent" },
  received: { arrow: "↓", word: "Received" },
  event: { arrow: "•", word: "Event" },
};

const mostRecords = 5_000;
const mostPayloadBytes = 64 * 1024 * 1024;
const searchedBytes = 4 * 1024;
