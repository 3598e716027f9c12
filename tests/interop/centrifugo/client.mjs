// centrifuge-js against the example `centrifugo_server`. Prints `ok WHAT` for each thing that it has checked.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { Centrifuge } from 'centrifuge';
import { Centrifuge as Protobuf } from 'centrifuge/build/protobuf';
import WebSocket from 'ws';

const url = process.argv[2];
const limit = setTimeout(() => { console.error('it took too long'); process.exit(1); }, 60_000);

function token(claims) {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${crypto.createHmac('sha256', 'secret').update(signed).digest('base64url')}`;
}

// The event `name`, if it comes for `accept`.
function once(emitter, name, accept = () => true) {
  return new Promise(resolve => {
    const listen = context => { if (accept(context)) { emitter.off(name, listen); resolve(context); } };
    emitter.on(name, listen);
  });
}

for (const Client of [Centrifuge, Protobuf]) {
  const format = Client === Protobuf ? 'protobuf' : 'json';
  const ok = what => console.log(`ok ${format}: ${what}`);
  const data = value => format === 'json' ? value : new TextEncoder().encode(JSON.stringify(value));
  const value = bytes => format === 'json' ? bytes : JSON.parse(new TextDecoder().decode(bytes));
  const channel = `news-${format}`;
  const make = (user, options = {}) => new Client(url, {
    websocket: WebSocket, getToken: async () => token({ sub: user }), minReconnectDelay: 50, ...options,
  });
  const subscribe = (client, user, options = {}) => client.newSubscription(channel, {
    getToken: async () => token({ sub: user, channel }), ...options,
  });

  const ann = make('ann');
  const connected = once(ann, 'connected');
  const personal = once(ann, 'subscribed', context => context.channel === '#ann');
  ann.connect();
  assert.match((await connected).client, /^[0-9a-f-]+$/);
  await personal;
  ok('connected, and subscribed to the personal channel by the server');

  const sub = subscribe(ann, 'ann');
  const subscribed = once(sub, 'subscribed');
  const join = once(sub, 'join');
  sub.subscribe();
  assert.equal((await subscribed).recoverable, true);
  assert.equal((await join).info.user, 'ann');
  ok('subscribed with a token, and told about the join');

  const published = once(sub, 'publication');
  await sub.publish(data({ hello: 'wörld' }));
  const publication = await published;
  assert.deepEqual(value(publication.data), { hello: 'wörld' });
  assert.equal(publication.offset, 1);
  ok('published and received');

  const history = await sub.history({ limit: 10 });
  assert.equal(history.publications.length, 1);
  assert.deepEqual(await sub.presenceStats(), { numClients: 1, numUsers: 1 });
  assert.equal(Object.values((await sub.presence()).clients)[0].user, 'ann');
  ok('history and presence');

  await assert.rejects(ann.publish('other', data({})), { code: 103 });
  await assert.rejects(ann.rpc('nothing', data({})), { code: 108 });
  ok('refused what it may not do');

  const bob = make('bob');
  bob.connect();
  const other = subscribe(bob, 'bob');
  const bobJoined = once(sub, 'join', context => context.info.user === 'bob');
  other.subscribe();
  await bobJoined;
  const away = once(ann, 'connecting');
  const again = once(sub, 'subscribed');
  const missed = [];
  sub.on('publication', context => missed.push(value(context.data)));
  // Break the connection as a network does, and publish meanwhile.
  ann._transport._transport.terminate();
  await away;
  for (let number = 1; number <= 5; number++) await other.publish(data(number));
  const back = await again;
  assert.equal(back.wasRecovering, true);
  assert.equal(back.recovered, true);
  while (missed.length < 5) await once(sub, 'publication');
  assert.deepEqual(missed, [1, 2, 3, 4, 5]);
  ok('recovered what it had missed, in order');

  const left = once(sub, 'leave', context => context.info.user === 'bob');
  bob.disconnect();
  await left;
  ok('told about the leave');

  const unsubscribed = once(sub, 'unsubscribed');
  sub.unsubscribe();
  await unsubscribed;
  await assert.rejects(ann.publish(channel, data({})), { code: 103 });
  ok('unsubscribed');
  const end = once(ann, 'disconnected');
  ann.disconnect();
  await end;

  const stranger = new Client(url, { websocket: WebSocket, token: 'nonsense' });
  const refused = once(stranger, 'disconnected');
  stranger.connect();
  assert.equal((await refused).code, 3500);
  ok('an invalid token ends for good');
}
clearTimeout(limit);
