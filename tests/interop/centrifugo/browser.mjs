// centrifuge-js in Chromium against the example `centrifugo_server`: `browser.mjs URL DRIVER CHROMIUM`, where DRIVER is
// the folder of playwright-core. Prints `ok WHAT` for each thing that it has checked.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [url, driver, executablePath] = process.argv.slice(2);
const { chromium } = await import(pathToFileURL(path.join(driver, 'index.mjs')));
const dist = path.join(path.dirname(fileURLToPath(import.meta.url)), 'node_modules/centrifuge/dist');

function token(claims) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${crypto.createHmac('sha256', 'secret').update(signed).digest('base64url')}`;
}

// Runs in the page: one client that listens, and one that publishes while the first is away.
async function converse({ url, format, channel }) {
  const encode = value => format === 'json' ? value : new TextEncoder().encode(JSON.stringify(value));
  const decode = data => format === 'json' ? data : JSON.parse(new TextDecoder().decode(data));
  const once = (emitter, name, accept = () => true) => new Promise(resolve => {
    const listen = context => { if (accept(context)) { emitter.off(name, listen); resolve(context); } };
    emitter.on(name, listen);
  });
  const enter = async user => {
    const client = new Centrifuge(url, { getToken: () => makeToken({ sub: user }), minReconnectDelay: 50 });
    const sub = client.newSubscription(channel, { getToken: () => makeToken({ sub: user, channel }) });
    const subscribed = once(sub, 'subscribed');
    client.connect();
    sub.subscribe();
    await subscribed;
    return { client, sub };
  };
  const received = [];
  const ann = await enter('ann');
  ann.sub.on('publication', context => received.push([decode(context.data), context.info?.user, context.info?.client]));
  const joined = once(ann.sub, 'join', context => context.info.user === 'bob');
  const bob = await enter('bob');
  const join = await joined;
  await bob.sub.publish(encode('live'));
  const presence = await ann.sub.presence();
  const back = once(ann.sub, 'subscribed');
  const away = once(ann.client, 'connecting');
  ann.client._transport._transport.close();
  await away;
  for (const number of [1, 2, 3]) await bob.sub.publish(encode(number));
  const { wasRecovering, recovered } = await back;
  while (received.length < 4) await once(ann.sub, 'publication');
  const history = await ann.sub.history({ limit: 10 });
  const left = once(ann.sub, 'leave', context => context.info.user === 'bob');
  bob.client.disconnect();
  await left;
  ann.client.disconnect();
  return {
    received, wasRecovering, recovered,
    joined: join.info.client,
    present: Object.values(presence.clients).map(client => client.user).sort(),
    history: history.publications.map(publication => decode(publication.data)),
  };
}

const browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
try {
  for (const [format, file] of [['json', 'centrifuge.js'], ['protobuf', 'centrifuge.protobuf.js']]) {
    const page = await browser.newPage();
    const address = new URL(url.replace(/^ws/, 'http'));
    // Any document of the server's own origin will do: this is its answer to a request that is not a handshake.
    await page.goto(address.href);
    await page.exposeFunction('makeToken', token);
    await page.addScriptTag({ path: path.join(dist, file) });
    const endpoint = format === 'json' ? url : `${url}?format=protobuf`;
    const seen = await page.evaluate(converse, { url: endpoint, format, channel: `browser-${format}` });
    const ok = what => console.log(`ok ${format} in Chromium: ${what}`);
    assert.deepEqual(seen.received.map(([data, user]) => [data, user]), [['live', 'bob'], [1, 'bob'], [2, 'bob'], [3, 'bob']]);
    assert.deepEqual([seen.wasRecovering, seen.recovered], [true, true]);
    ok('recovered what it had missed, in order');
    assert.ok(seen.received.every(([, , client]) => client === seen.joined), 'the publisher is the client that has joined');
    ok('told who has published');
    assert.deepEqual(seen.present, ['ann', 'bob']);
    assert.deepEqual(seen.history, ['live', 1, 2, 3]);
    ok('presence and history');
    await page.close();
  }
} finally {
  await browser.close();
}
