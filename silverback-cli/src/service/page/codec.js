// Bytes and text: hex, base64, UTF-8, and sizes and durations in words.
// Nothing here touches the page.

const utf8Encoder = new TextEncoder();

/** What the network will carry: a lone surrogate becomes U+FFFD, as WebSocket.send() does it. */
function wellFormedText(text) {
  return text.toWellFormed ? text.toWellFormed() : new TextDecoder().decode(utf8Encoder.encode(text));
}

function utf8Length(text) {
  return utf8Encoder.encode(text).length;
}

/** Hex digits to bytes. Blanks, commas, colons and `0x` between them are ignored. Throws an Error worded for people. */
function decodeHex(text) {
  const digits = text.replace(/0x/gi, "").replace(/[\s,:]+/g, "");
  const stray = digits.search(/[^0-9a-f]/i);
  if (stray >= 0) throw new Error(`“${characterAt(digits, stray)}” is not a hex digit.`);
  if (digits.length % 2) throw new Error("The number of hex digits is odd: two make a byte.");
  const bytes = new Uint8Array(digits.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** Base64 to bytes: both alphabets, with or without padding. Throws an Error worded for people. */
function decodeBase64(text) {
  const compact = text.replace(/\s+/g, "").replace(/-/g, "+").replace(/_/g, "/");
  const stray = compact.search(/[^A-Za-z0-9+/=]/);
  if (stray >= 0) throw new Error(`“${characterAt(compact, stray)}” does not belong to base64.`);
  const body = compact.replace(/={0,2}$/, "");
  if (body.includes("=")) throw new Error("Padding (=) is only allowed at the end of base64.");
  if (body.length % 4 === 1) throw new Error("One base64 character is missing or too many.");
  if (body.length !== compact.length && compact.length % 4) throw new Error("The base64 padding has the wrong length.");
  return Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
}

function encodeBase64(bytes) {
  const piece = 0x8000;
  let binary = "";
  for (let start = 0; start < bytes.length; start += piece) {
    binary += String.fromCharCode(...bytes.subarray(start, start + piece));
  }
  return btoa(binary);
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function encodeHex(bytes, separator = " ") {
  return Array.from(bytes, (byte) => hexOfByte[byte]).join(separator);
}

/** The classic dump: offset, sixteen bytes, the same as printable ASCII. */
function hexDump(bytes) {
  const lines = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = bytes.subarray(offset, offset + 16);
    const ascii = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${offset.toString(16).padStart(6, "0")}  ${encodeHex(row).padEnd(47)}  ${ascii}`);
  }
  return lines.join("\n");
}

function sameBytes(left, right) {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/**
 * Puts line breaks and indents into JSON without touching its tokens: parsing and printing again
 * would change long numbers and drop repeated keys. Returns null if the text is not a JSON object or array.
 */
function formatJson(text) {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g);
  let depth = 0;
  let formatted = "";
  tokens.forEach((token, index) => {
    const opens = token === "{" || token === "[";
    const closes = token === "}" || token === "]";
    const before = tokens[index - 1];
    if (closes) depth -= 1;
    const empty = closes && (before === "{" || before === "[");
    const startsLine = before !== undefined && !empty && (closes || before === "," || before === "{" || before === "[");
    if (startsLine) formatted += `\n${"  ".repeat(depth)}`;
    formatted += token === ":" ? ": " : token;
    if (opens) depth += 1;
  });
  return formatted;
}

function countInWords(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function sizeInWords(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const unit = bytes < 1024 * 1024 ? "KiB" : "MiB";
  const value = bytes / (unit === "KiB" ? 1024 : 1024 * 1024);
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
}

function durationInWords(milliseconds) {
  if (milliseconds < 10) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 100) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

function clockTime(epochMilliseconds) {
  const date = new Date(epochMilliseconds);
  const two = (number) => String(number).padStart(2, "0");
  const seconds = `${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return `${two(date.getHours())}:${two(date.getMinutes())}:${seconds}`;
}

function characterAt(text, index) {
  return String.fromCodePoint(text.codePointAt(index));
}
