// Explains why the echo refuses a page that its own service has sent: browsers do not tell a page why a handshake
// failed. So the page asks the service over HTTP, at the address of the echo and with its origin.

/** What to tell, and the command that shows more; null if nothing was learned. `isFinal`: trying again is no use. */
async function askWhyRefused(address, location) {
  const echo = new URL(address);
  echo.protocol = location.protocol;
  try {
    const answer = await fetch(echo, { method: "OPTIONS", cache: "no-store", signal: AbortSignal.timeout(longestAnswer) });
    if (answer.status === 403) return { isFinal: true, ...otherHost(address, location) };
    return answer.ok ? { isFinal: false, ...noUpgrade(address) } : null;
  } catch {
    return null;
  }
}

/** The page came from this very host, so only a proxy can make its origin look foreign. */
function otherHost(address, { host, origin }) {
  return {
    words: `The service takes this page for a foreign one: a proxy between puts another name than ${host} into the header Host. nginx needs: proxy_set_header Host $http_host;`,
    command: `silverback check ${address} --origin ${origin}`,
  };
}

function noUpgrade(address) {
  return {
    words: "The service answers over HTTP, but not to a WebSocket: a proxy between may not hand the upgrade on. nginx needs: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";",
    command: `silverback check ${address}`,
  };
}

const longestAnswer = 10_000;
