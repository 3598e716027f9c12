// Which versions of HTTP are in use. A browser tells a page how the page came, but not its WebSocket, so the service is
// asked about that.

const protocolNames = { "http/1.0": "HTTP/1.0", "http/1.1": "HTTP/1.1", h2: "HTTP/2", h3: "HTTP/3" };

/** The version over which this page came, or "" if the browser does not tell. */
function pageVersion() {
  const [navigation] = performance.getEntriesByType("navigation");
  return protocolNames[navigation?.nextHopProtocol] ?? "";
}

/** The version of the WebSocket with this tag, or "" if it is not known. */
async function socketVersion(tag, location) {
  if (!tag) return "";
  try {
    const answer = await fetch(new URL(`version?tag=${tag}`, location.href), { cache: "no-store" });
    return answer.ok ? (await answer.text()).trim() : "";
  } catch {
    return "";
  }
}
