import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { useGcp } from './world.ts';

const { gcpStore, open } = useGcp();
const doors: { server: Server; sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of doors.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
});

/** A way to the stand-in that counts who comes through. */
async function openDoor(): Promise<{ endpoint: string; count(): number }> {
  const [host = '', port] = gcpStore().standIn.endpoint.split(':');
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((incoming) => {
    connections += 1;
    const outgoing = connect(Number(port), host);
    for (const socket of [incoming, outgoing]) sockets.add(socket.on('error', () => undefined));
    incoming.pipe(outgoing).pipe(incoming);
  });
  doors.push({ server, sockets });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => connections };
}

test('many calls, some of them at once, go over one connection', async () => {
  const door = await openDoor();
  const world = open({ endpoint: door.endpoint });

  const copies = await Promise.all(Array.from({ length: 10 }, () => world.create()));
  for (const { desired } of copies) await world.look(desired.name);

  expect(door.count()).toBe(1);
});

test('regional secrets are reached through their own endpoint, and global ones are not', async () => {
  const door = await openDoor();
  const settings = { regionalEndpoint: door.endpoint };

  await open(settings).create();
  const before = door.count();
  await open(settings, { location: 'europe-west3' }).create();

  expect([before, door.count()]).toEqual([0, 1]);
});
