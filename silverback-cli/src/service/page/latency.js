// The round trips as numbers and as a plot: one bar per echo, newest at the right,
// with lines at p50 and p95 and a gap where a connection ended.

class LatencyPanel {
  /** `parts`: figures (p50, p95, p99, last), plot (an empty svg), note. */
  constructor(parts, roundTrips) {
    this.parts = parts;
    this.roundTrips = roundTrips;
    this.frame = null;
    this.size = { width: 0, height: 0 };
    new ResizeObserver(([{ contentRect }]) => {
      this.size = contentRect;
      this.update();
    }).observe(parts.plot);
  }

  update() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { samples } = this.roundTrips;
    const shares = percentiles(samples);
    const { figures, plot, note } = this.parts;
    for (const name of ["p50", "p95", "p99"]) setText(figures[name], shares ? durationInWords(shares[name]) : "–");
    const last = samples.findLast((sample) => sample !== null);
    setText(figures.last, last === undefined ? "–" : durationInWords(last));
    setText(note, this.words(shares));
    plot.setAttribute("aria-label", shares ? plotInWords(shares) : "No round trips yet.");
    drawPlot(plot, this.size, samples, shares);
  }

  words(shares) {
    if (!this.roundTrips.measuring) return "This server answers with something other than an echo: no round trips are measured.";
    if (!shares) return "Each echo adds a bar.";
    const { count } = this.roundTrips;
    return count > shares.count ? `Of the last ${countInWords(shares.count, "round trip")}; ${count.toLocaleString("en")} in all.` : `Of ${countInWords(count, "round trip")}.`;
  }
}

function plotInWords({ count, p50, p95, p99, most }) {
  const [half, nearlyAll, rare, slowest] = [p50, p95, p99, most].map(durationInWords);
  return `${countInWords(count, "round trip")}: half within ${half}, 95% within ${nearlyAll}, 99% within ${rare}, the slowest ${slowest}.`;
}

function drawPlot(plot, { width, height }, samples, shares) {
  if (width === 0 || height === 0) return;
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const area = { left: 0, right: width - plotMargin, top: 8, bottom: height - 1 };
  const shown = samples.slice(-Math.floor((area.right - area.left) / barStep));
  const top = niceCeiling(Math.max(0.1, ...shown.filter((sample) => sample !== null)));
  const y = (value) => area.bottom - (Math.min(value, top) / top) * (area.bottom - area.top);
  const marks = shares ? plotBars(shown, area, y, shares.p95) : [];
  plot.replaceChildren(...plotGrid(area, top, y), ...marks, ...(shares ? plotLines(area, top, y, shares) : []));
}

function plotGrid(area, top, y) {
  return [0, top / 2, top].flatMap((value) => [
    line("grid", area.left, area.right, y(value)),
    label("tick", area.right + 6, value === 0 ? y(0) - 2 : y(value) + 4, tickInWords(value)),
  ]);
}

/** Two paths whatever the number of bars: the ordinary ones, and those above p95. */
function plotBars(shown, area, y, p95) {
  const paths = { bar: "", "bar slow": "", gap: "" };
  shown.forEach((sample, index) => {
    const x = area.right - (shown.length - index) * barStep;
    if (sample === null) paths.gap += `M${x + 1.5} ${area.top}V${area.bottom}`;
    else paths[sample > p95 ? "bar slow" : "bar"] += `M${x} ${area.bottom}h3V${Math.min(y(sample), area.bottom - 1.5)}h-3z`;
  });
  return Object.entries(paths).map(([name, d]) => svg("path", { class: name, d }));
}

function plotLines(area, top, y, { p50, p95 }) {
  return [["p50", p50], ["p95", p95]]
    .filter(([, value]) => value <= top)
    .map(([name, value]) => line(`share ${name}`, area.left, area.right, y(value)));
}

function line(className, from, to, y) {
  return svg("path", { class: className, d: `M${from} ${y}H${to}` });
}

function label(className, x, y, text) {
  const element = svg("text", { class: className, x, y });
  element.append(text);
  return element;
}

function svg(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}

/** The next of 1, 2, 5 times a power of ten. */
function niceCeiling(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999);
}

function tickInWords(milliseconds) {
  if (milliseconds >= 1000) return `${milliseconds / 1000} s`;
  return `${Number(milliseconds.toPrecision(2))} ms`;
}

const barStep = 4;
const plotMargin = 56;
