import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { eventually } from '../peers/processes.ts';
import { NUMBER, PARENT, STATUS, signed, useStandIn } from './gcp-secret-manager/vendor-client.ts';

const { standIn, client, createSecret, addVersion } = useStandIn();

describe('the token', () => {
  test('a call with another token is not authenticated', async () => {
    const lookup = client().getSecret({ name: `${PARENT}/secrets/x` }, signed('another'));

    await expect(lookup).rejects.toMatchObject({ code: STATUS.UNAUTHENTICATED });
  });
});

describe('faults', () => {
  test.each([
    ['throttle', STATUS.RESOURCE_EXHAUSTED],
    ['unavailable', STATUS.UNAVAILABLE],
    ['deny', STATUS.PERMISSION_DENIED],
  ] as const)('%s fails as many calls as told, of that method only', async (kind, code) => {
    const { name } = await createSecret();
    await standIn().fault({ kind, method: 'AddSecretVersion', count: 1 });

    await client().getSecret({ name }, signed());
    await expect(addVersion(name, 'one')).rejects.toMatchObject({ code });

    expect(await addVersion(name, 'one')).toBe(`${name}/versions/1`);
  });

  test('a lost answer fails the call after the write has happened', async () => {
    const { id, name } = await createSecret();
    await standIn().fault({ kind: 'lose-answer' });

    await expect(addVersion(name, 'written')).rejects.toMatchObject({ code: STATUS.UNAVAILABLE });

    expect(await standIn().payload(NUMBER, id)).toEqual(Buffer.from('written'));
  });

  test('a call that hangs ends only when its caller gives up', async () => {
    const { name } = await createSecret();
    await standIn().fault({ kind: 'hang', count: 1 });
    await standIn().forgetRequests();
    const giveUp = new AbortController();

    const hanging = client().getSecret({ name }, { ...signed(), signal: giveUp.signal });
    await eventually(async () => (await standIn().faults()).length === 0, { what: 'the call to arrive' });
    const whileHanging = await standIn().requests();
    giveUp.abort();

    await expect(hanging).rejects.toMatchObject({ code: STATUS.CANCELLED });
    expect(whileHanging).toEqual([]);
    await eventually(async () => (await standIn().requests())[0]?.status === 'CANCELLED', {
      what: 'the call in the log',
    });
  });

  test('an order that makes no sense is refused', async () => {
    await expect(standIn().fault({ kind: 'throttle', method: 'NoSuchMethod' })).rejects.toThrow(
      'method must be one of',
    );
  });
});

describe('what tests and people see', () => {
  test('the log has method, resource, status and time of each call, and nothing of what was stored', async () => {
    const { id, name } = await createSecret();
    await standIn().forgetRequests();
    await addVersion(name, 'must-not-be-logged');
    await expect(client().getSecret({ name: `${PARENT}/secrets/absent` }, signed())).rejects.toMatchObject({
      code: STATUS.NOT_FOUND,
    });

    const requests = await standIn().requests();

    expect(requests).toEqual([
      {
        method: 'AddSecretVersion',
        resource: `projects/${NUMBER}/secrets/${id}`,
        status: 'OK',
        time: expect.any(String),
      },
      { method: 'GetSecret', resource: `${PARENT}/secrets/absent`, status: 'NOT_FOUND', time: expect.any(String) },
    ]);
  });

  test('the view of the store shows marks and versions but no payload', async () => {
    const { id, name } = await createSecret({ labels: { team: 'a' } });
    await addVersion(name, 'must-not-be-shown');

    const view = (await standIn().secrets()).find((secret) => secret.name === id);

    expect(view).toMatchObject({
      project: 'team-payments',
      labels: { team: 'a' },
      versions: [{ number: 1, state: 'ENABLED', bytes: 17 }],
    });
    expect(JSON.stringify(view)).not.toContain('must-not-be-shown');
  });

  test.each([
    ['--help', 0, /^A stand-in.+usage:.+--settling-ms/s],
    ['--project=broken', 2, /^gcp-secret-manager stand-in: --project broken: .+; see --help\n$/],
    ['--port=99999', 2, /^gcp-secret-manager stand-in: 99999 is not a port; see --help\n$/],
    ['--writes-per-minute=many', 2, /^gcp-secret-manager stand-in: many is not a whole number; see --help\n$/],
    ['--no-such-flag', 2, /^gcp-secret-manager stand-in: [^\n]+; see --help\n$/],
  ])('the program answers %s with exit code %d and says why in a line', async (argument, code, text) => {
    const program = fileURLToPath(new URL('gcp-secret-manager/main.ts', import.meta.url));

    const child = spawn(process.execPath, [program, argument], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
    const [exitCode] = await once(child, 'close');

    expect(exitCode).toBe(code);
    expect(output.join('')).toMatch(text);
  });
});
