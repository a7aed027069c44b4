import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';

export interface UdpPlace {
  readonly family: 'IPv4' | 'IPv6';
  /** As bound, e.g. `0.0.0.0`. */
  readonly address: string;
  readonly port: number;
}

/** How many datagrams the kernel has dropped because this socket's buffer was full; null where it does not say (no Linux). */
export async function readKernelDrops(place: UdpPlace): Promise<number | null> {
  const table = await readFile(place.family === 'IPv6' ? '/proc/net/udp6' : '/proc/net/udp', 'utf8').catch(() => null);
  return table === null ? null : kernelDropsIn(table, place);
}

/**
 * Finds the socket in the kernel's table; null when it is not there.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_net.5.html
 */
export function kernelDropsIn(table: string, { address, port }: UdpPlace): number | null {
  const wantedPort = port.toString(16).toUpperCase().padStart(4, '0');
  const wantedAddress = isIPv4(address) ? hexOf(address) : null;
  for (const line of table.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [foundAddress, foundPort] = columns[1]?.split(':') ?? [];
    if (foundPort !== wantedPort) continue;
    if (wantedAddress === null || foundAddress === wantedAddress) return Number(columns.at(-1));
  }
  return null;
}

/** The kernel prints the address as one number, in the byte order of the machine: little-endian wherever Node runs. */
function hexOf(address: string): string {
  return Buffer.from(address.split('.').map(Number).reverse()).toString('hex').toUpperCase();
}
