// Checks the page of the echo service, and those of the examples, in a real Chromium against the real programs.
//   npm ci && node run.mjs --program ../../../target/release/silverback --artifacts artifacts \
//     --examples ../../../target/debug/examples
// One line per check; screenshots are kept among the artifacts; exit code 1 if a check failed.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { Bench } from "./bench.mjs";
import access from "./checks/access.mjs";
import admin from "./checks/admin.mjs";
import closing from "./checks/closing.mjs";
import compression from "./checks/compression.mjs";
import examples from "./checks/examples.mjs";
import hub from "./checks/hub.mjs";
import fronts from "./checks/fronts.mjs";
import log from "./checks/log.mjs";
import looks from "./checks/looks.mjs";
import opening from "./checks/opening.mjs";
import phone from "./checks/phone.mjs";
import remembering from "./checks/remembering.mjs";
import report from "./checks/report.mjs";
import sending from "./checks/sending.mjs";
import strangers from "./checks/strangers.mjs";
import tutorial from "./checks/tutorial.mjs";
import versions from "./checks/versions.mjs";

const { values: options } = parseArgs({
  options: {
    program: { type: "string" },
    examples: { type: "string" },
    artifacts: { type: "string", default: "artifacts" },
    chromium: { type: "string", default: process.env.CHROMIUM ?? "/usr/bin/chromium" },
    only: { type: "string", default: "" },
  },
});
if (!options.program) {
  console.error("usage: node run.mjs --program FILE [--examples DIRECTORY] [--artifacts DIRECTORY] [--chromium FILE] [--only WORDS]");
  process.exit(2);
}

const checks = { ...opening, ...sending, ...log, ...closing, ...compression, ...strangers, ...access, ...looks, ...phone, ...remembering, ...report, ...fronts, ...versions, ...hub, ...admin };
if (options.examples) {
  // Cargo puts programs one folder above the examples.
  const folder = path.resolve(options.examples);
  Object.assign(checks, examples(folder), tutorial(path.dirname(folder)));
}
const chosen = Object.entries(checks).filter(([name]) => name.includes(options.only));
await mkdir(options.artifacts, { recursive: true });
const launch = (words) => chromium.launch({
  executablePath: options.chromium,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...words,
  ],
});
// As after DNS rebinding: the name of a foreign site means this machine.
const browser = await launch(["--disable-quic", "--host-resolver-rules=MAP rebound.example 127.0.0.1"]);

let failed = 0;
try {
  for (const [name, check] of chosen) {
    if (!(await passes(name, check))) failed += 1;
  }
} finally {
  await browser.close();
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 && chosen.length > 0 ? 0 : 1;

async function passes(name, check) {
  const bench = new Bench(browser, launch, path.resolve(options.program), path.resolve(options.artifacts));
  try {
    const remark = await check(bench);
    bench.assertNoProblems();
    console.log(`ok      ${name}${remark ? ` (${remark})` : ""}`);
    return true;
  } catch (error) {
    await bench.keepEvidence(name);
    console.log(`FAILED  ${name}\n        ${String(error.stack ?? error).replaceAll("\n", "\n        ")}`);
    return false;
  } finally {
    await bench.dispose();
  }
}
