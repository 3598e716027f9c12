// Starts a browser on a page that talks to our server, and prints what the page reports. The contract is in ../README.md.
//   node run.mjs NAME BROWSER PROFILE BASE VERSION AUTHORITY CERTIFICATE
// NAME is `Chromium` or `Firefox`, PROFILE a folder for its profile, BASE the URL of our server, VERSION the version of
// HTTP as our server words it. AUTHORITY and CERTIFICATE are files in PEM.

import { spawn, spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";

const [name, browser, profile, base, version, authority, certificate] = process.argv.slice(2);
const PATIENCE = 120_000;

const page = readFileSync(path.join(import.meta.dirname, "page.mjs"));
const files = {
  "/page.html": ["text/html", '<!doctype html><meta charset="utf-8"><title>Interop</title><body><script type="module" src="page.mjs"></script>'],
  "/page.mjs": ["text/javascript", page],
  "/frame.html": [
    "text/html",
    `<!doctype html><script>
      const socket = new WebSocket(new URLSearchParams(location.search).get("base") + "/echo", "silverback.test");
      socket.onopen = () => socket.send("here");
      socket.onmessage = () => parent.postMessage("open", "*");
    </script>`,
  ],
};

let end;
const ended = new Promise((resolve) => (end = resolve));
const server = createServer(async (request, response) => {
  const file = files[new URL(request.url, "http://localhost").pathname];
  if (file) {
    response.writeHead(200, { "content-type": file[0] }).end(file[1]);
  } else if (request.url === "/report") {
    let line = "";
    for await (const piece of request.setEncoding("utf8")) line += piece;
    response.end();
    if (line === "done") end();
    else console.log(line.replace(" ", ` ${name} over ${version}: `));
    if (line.startsWith("FAILED")) process.exitCode = 1;
  } else {
    response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const query = new URLSearchParams({ base, version });
const address = `http://127.0.0.1:${server.address().port}/page.html?${query}`;

rmSync(profile, { recursive: true, force: true });
mkdirSync(profile, { recursive: true });
const child = name === "Firefox" ? startFirefox() : startChromium();
const timer = setTimeout(() => {
  console.log(`FAILED ${name} over ${version}: the page did not end`);
  process.exitCode = 1;
  end();
}, PATIENCE);
child.on("exit", () => {
  console.log(`FAILED ${name} over ${version}: the browser has ended`);
  process.exitCode = 1;
  end();
});
await ended;
clearTimeout(timer);
// Its helpers are in our process group, which ends with us.
child.removeAllListeners("exit");
child.kill("SIGKILL");
process.exit();

function startChromium() {
  const key = new X509Certificate(readFileSync(certificate)).publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(key).digest("base64");
  const { host } = new URL(base);
  const quic = ["--enable-quic", `--origin-to-force-quic-on=${host}`, "--enable-features=EnableWebsocketsOverHttp3"];
  return start([
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
    `--ignore-certificate-errors-spki-list=${pin}`,
    "--host-resolver-rules=MAP localhost 127.0.0.1",
    ...(version === "HTTP/3.0" ? quic : ["--disable-quic"]),
    address,
  ]);
}

function startFirefox() {
  const preferences = {
    "browser.shell.checkDefaultBrowser": false,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": false,
    "network.captive-portal-service.enabled": false,
    "network.connectivity-service.enabled": false,
    "network.dns.disableIPv6": true,
  };
  const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${JSON.stringify(value)});\n`);
  writeFileSync(path.join(profile, "user.js"), lines.join(""));
  const trusting = ["-A", "-n", "authority", "-t", "C,,", "-i", authority, "-d", `sql:${profile}`];
  const { status, stderr } = spawnSync("certutil", trusting, { encoding: "utf8" });
  if (status !== 0) throw new Error(`certutil: ${stderr}`);
  return start(["--headless", "--no-remote", "--profile", profile, address], { HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: "1" });
}

function start(words, variables = {}) {
  // It complains of much that does not matter here.
  const complaints = openSync(`${profile}.log`, "w");
  return spawn(browser, words, { stdio: ["ignore", complaints, complaints], env: { ...process.env, ...variables } });
}
