import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { caFile } from '../../stand-ins/gcp-secret-manager/tls.ts';
import { eventually, jobsOf } from '../fakes.ts';
import { now } from '../inside.ts';
import { endAll, mayHearAll, startAnother, startSubscribed, TOKEN } from './world.ts';

afterEach(endAll);

const wholeVault = 'mount main  ';
const tls = {
  key: readFileSync(new URL('../../stand-ins/gcp-secret-manager/tls/server-key.pem', import.meta.url), 'utf8'),
  cert: readFileSync(new URL('../../stand-ins/gcp-secret-manager/tls/server.pem', import.meta.url), 'utf8'),
};

describe('a subscription', () => {
  test('makes a job of a change, with the version that it made', async () => {
    const { events, inside } = await startSubscribed();

    const hearers = events.happen({ type: 'kv-v2/data-write', name: 'app', version: 3 });

    await eventually(() => inside.state.added.length > 0, 'the job');
    expect(hearers).toBe(1);
    expect(jobsOf(inside.state.added)).toEqual(['path main  secret app']);
    expect(inside.state.added[0]?.heard?.version).toBe(3);
  });

  test('asks for all kinds of the KV engine as JSON, of every namespace', async () => {
    const { events, subscribed } = await startSubscribed();

    expect(events.requests).toEqual([
      { token: TOKEN, url: '/v1/sys/events/subscribe/kv*?json=true&namespaces=*', namespace: '' },
    ]);
    expect(await subscribed()).toBe(1);
  });

  test('hears the namespace that its token was made in, and those below', async () => {
    const { events } = await startSubscribed({ settings: { namespace: 'admin' } });

    const hearers = ['admin', 'admin/team', 'other'].map((namespace) =>
      events.happen({ type: 'kv-v2/data-write', namespace, name: 'app' }),
    );

    expect(events.requests[0]?.namespace).toBe('admin');
    expect(hearers).toEqual([1, 1, 0]);
  });

  test('counts what it cannot read, says nothing of it, and goes on', async () => {
    const { events, inside, malformed, said } = await startSubscribed();

    events.send('{"data": "hvs.secret-in-garbage');
    events.happen({ type: 'kv-v2/data-write', name: 'app' });

    await eventually(() => inside.state.added.length > 0, 'the job');
    expect(await malformed()).toBe(1);
    expect(said()).not.toContain('garbage');
  });

  test('trusts the authority of the Vault, and no other', async () => {
    const trusting = await startSubscribed({ events: { tls }, settings: { caFile } });
    const wary = await startSubscribed({ events: { tls } });

    expect([await trusting.subscribed(), await wary.subscribed()]).toEqual([1, 0]);
    expect(wary.said()).toContain('its certificate is not trusted');
  });

  test('says which file of authorities cannot be read, and asks nobody without it', async () => {
    const { events, said } = await startSubscribed({
      settings: { caFile: '/nonexistent/ca.pem' },
      before: (each) => each.fault('sealed'),
      asksNobody: true,
    });

    expect(said()).toContain('the file /nonexistent/ca.pem cannot be read');
    expect(events.requests).toEqual([]);
  });

  test('outlives a header that cannot be sent', async () => {
    const { said } = await startSubscribed({ settings: { namespace: 'a\nb' }, asksNobody: true });

    expect(said()).toContain('ERR_INVALID_CHAR');
  });

  test('ends with the webhook, and leaves nothing behind', async () => {
    const { events, subscription, inside } = await startSubscribed();

    await subscription.close();

    await eventually(() => events.connections === 0, 'the connection to end');
    expect(inside.clock.waiting).toBe(0);
  });
});

describe('after a loss', () => {
  test('the first connection asks for nothing, for the start does; every later one asks for a reconcile', async () => {
    const { events, inside, until, subscribed } = await startSubscribed();
    const before = jobsOf(inside.state.added);

    events.drop();
    await eventually(async () => (await subscribed()) === 0, 'the metric to tell');

    await until(() => inside.state.added.length > 0, 'the reconcile');
    expect(before).toEqual([]);
    expect(jobsOf(inside.state.added)).toEqual([wholeVault]);
    expect(events.requests).toHaveLength(2);
  });

  test('a first connection that comes late asks, too', async () => {
    const { events, inside, until, said } = await startSubscribed({ before: (each) => each.fault('sealed') });

    events.fault(null);

    await until(() => inside.state.added.length > 0, 'the reconcile');
    expect(said()).toContain('it answered 503: it is sealed, or not ready');
    expect(jobsOf(inside.state.added)).toEqual([wholeVault]);
  });

  test('a Vault that falls silent is noticed within half a minute', async () => {
    const { events, inside, until, said } = await startSubscribed();
    const began = inside.clock.now();

    events.fault('hang');
    await until(() => events.requests.length === 2, 'another connection');

    expect(inside.clock.now() - began).toBeLessThanOrEqual(32_000);
    expect(said()).toContain('it gave no sign of life for 15 seconds');
  });

  test('one that gives signs of life is left alone', async () => {
    const { events, inside } = await startSubscribed();

    for (let passed = 0; passed < 120; passed++) {
      await inside.clock.advance(1_000);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }

    expect(events.requests).toHaveLength(1);
  });

  test('a message beyond all bounds is counted, and what it said is looked for', async () => {
    const { events, inside, malformed, until } = await startSubscribed();

    events.send('x'.repeat(1024 * 1024 + 1));

    await until(() => inside.state.added.length > 0, 'the reconcile');
    expect(await malformed()).toBe(1);
    expect(jobsOf(inside.state.added)).toEqual([wholeVault]);
  });

  test('it comes back after longer and longer pauses, of a minute at most', async () => {
    const { events, inside, until } = await startSubscribed({ before: (each) => each.fault('unsupported') });
    const times: number[] = [];

    for (let tries = 2; tries <= 10; tries++) {
      await until(() => events.requests.length >= tries, 'another try');
      times.push(inside.clock.now());
    }

    const pauses = times.slice(1).map((time, index) => Math.round((time - (times[index] ?? 0)) / 1000));
    expect(pauses.slice(0, 4)).toEqual([...pauses.slice(0, 4)].sort((left, right) => left - right));
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(44);
    expect(pauses.at(-1)).toBeLessThanOrEqual(60);
  });
});

describe('what refuses a subscription', () => {
  test('a token without the right: says which is missing, and takes another token at once', async () => {
    const { events, said, tokenFile, until, subscribed, inside } = await startSubscribed({
      events: { tokens: { [TOKEN]: { read: [], subscribe: [] } } },
    });
    const wait = inside.clock.now();

    events.setTokens({ 'hvs.another': mayHearAll });
    await writeFile(tokenFile, 'hvs.another');
    await until(async () => (await subscribed()) === 1, 'the subscription');

    expect(said()).toContain('its policy lacks read on sys/events/subscribe/kv*');
    expect(said()).not.toContain('hvs.');
    expect(events.requests.at(-1)?.token).toBe('hvs.another');
    expect(inside.clock.now() - wait).toBeLessThan(60_000);
  });

  test('a token that was exchanged while it was good: the new one is used from then on', async () => {
    const { events, tokenFile, until, said } = await startSubscribed({
      events: { tokens: { [TOKEN]: mayHearAll, 'hvs.next': mayHearAll } },
    });

    await writeFile(tokenFile, 'hvs.next');

    await until(() => events.requests.at(-1)?.token === 'hvs.next', 'the new token');
    await until(() => events.connections === 1, 'one connection');
    expect(said()).not.toContain('no event notifications');
  });

  test('a file without a token, or with more than one: nothing is sent, and the file is named', async () => {
    const { events, said, tokenFile, until } = await startSubscribed();
    await writeFile(tokenFile, 'hvs.one\r\nX-Evil: hvs.two');
    events.drop();
    await until(() => said().includes('holds no token that can be read'), 'the message');
    const asked = events.requests.length;
    await rm(tokenFile);

    expect(said()).toContain(tokenFile);
    expect(said()).not.toContain('hvs.');
    expect(asked).toBe(1);
  });

  test('a Vault that does not answer is given up after ten seconds', async () => {
    const { inside, said, until } = await startSubscribed({ before: (each) => each.fault('silent') });
    const began = now;
    const waited = inside.clock.now() - began;

    await until(() => said().includes('it cannot be reached, or does not answer in time'), 'the end of patience');

    // The webhook's start is not held up for so long.
    expect(waited).toBeLessThanOrEqual(2_250);
    expect(inside.clock.now() - began).toBeLessThanOrEqual(11_000);
  });

  test('a standby leads to the active node', async () => {
    const active = await startAnother();
    const { events, subscribed } = await startSubscribed({ before: (each) => each.standBy(active.address) });

    expect([events.requests.length, active.requests.length, active.connections]).toEqual([1, 1, 1]);
    expect(await subscribed()).toBe(1);
  });

  test('a redirect away from TLS is not followed, for the token would go with it', async () => {
    const elsewhere = await startAnother();
    const { said } = await startSubscribed({
      events: { tls },
      settings: { caFile },
      before: (each) => each.standBy(elsewhere.address),
    });

    expect(elsewhere.requests).toEqual([]);
    expect(said()).toContain('from https to http');
  });
});
