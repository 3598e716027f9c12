// Which echo belongs to which message, and how long it took.
// An echo server answers in order with the same kind and content. The first answer that does not
// fit shows that this server is none, and from then on no time is better than a wrong one.

class RoundTrips {
  constructor() {
    this.samples = [];
    this.count = 0;
    this.startConnection();
  }

  startConnection() {
    this.pending = [];
    this.firstPending = 0;
    this.pendingBytes = 0;
    this.measuring = true;
  }

  sent(record, now) {
    if (!this.measuring) return;
    this.pending.push({ record, now });
    this.pendingBytes += record.size;
    if (this.waiting() > mostPending || (this.pendingBytes > mostPendingBytes && this.waiting() > 1)) this.giveUp();
  }

  /** Milliseconds since the matching message was sent, or null. */
  received(record, now) {
    if (!this.measuring || this.waiting() === 0) return null;
    const oldest = this.pending[this.firstPending];
    if (!sameContent(oldest.record, record)) {
      this.giveUp();
      return null;
    }
    this.forgetOldest(oldest);
    return this.keepSample(now - oldest.now);
  }

  /** The messages that will get no echo any more. */
  endConnection() {
    const unanswered = this.pending.slice(this.firstPending).map((entry) => entry.record);
    if (this.count > 0) this.keepMark();
    this.startConnection();
    return unanswered;
  }

  clear() {
    this.samples = [];
    this.count = 0;
  }

  waiting() {
    return this.pending.length - this.firstPending;
  }

  giveUp() {
    this.startConnection();
    this.measuring = false;
  }

  forgetOldest(oldest) {
    this.pendingBytes -= oldest.record.size;
    this.pending[this.firstPending] = null;
    this.firstPending += 1;
    if (this.firstPending > 1024) {
      this.pending.splice(0, this.firstPending);
      this.firstPending = 0;
    }
  }

  keepSample(milliseconds) {
    this.samples.push(milliseconds);
    this.count += 1;
    if (this.samples.length > keptSamples) this.samples.shift();
    return milliseconds;
  }

  /** A lost connection is a null among the samples; the plot draws it as a gap. */
  keepMark() {
    if (this.samples.at(-1) !== null) this.samples.push(null);
  }
}

/** p50, p95 and p99 by nearest rank: each is a time that really happened. */
function percentiles(samples) {
  const sorted = Float64Array.from(samples.filter((sample) => sample !== null)).sort();
  const rank = (share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (sorted.length === 0) return null;
  return { count: sorted.length, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), most: sorted.at(-1) };
}

function sameContent(left, right) {
  if (left.kind !== right.kind || left.size !== right.size) return false;
  return left.kind === "text" ? left.data === right.data : sameBytes(left.data, right.data);
}

const keptSamples = 1_000;
const mostPending = 20_000;
const mostPendingBytes = 128 * 1024 * 1024;
