import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { InputError } from '../../errors.ts';

/**
 * Reads an allow list of addresses and networks, e.g. `10.0.0.0/8`; an empty one allows everybody. `BlockList`
 * takes an IPv4 address that comes as an IPv6 one (`::ffff:10.0.0.1`) for what it is. `where` names the setting.
 * @throws InputError
 */
export function createAllowList(allow: readonly string[], where: string): (address: string) => boolean {
  if (allow.length === 0) return () => true;
  const list = new BlockList();
  for (const network of allow) {
    const [address = '', bits, ...rest] = network.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    const longest = family === 'ipv4' ? 32 : 128;
    const length = bits === undefined ? longest : Number(bits);
    const isLength = /^\d+$/.test(bits ?? '0') && length <= longest;
    if ((family === 'ipv6' && !isIPv6(address)) || !isLength || rest.length > 0) {
      throw new InputError(`${where}: "${network}" in allow is no network: write e.g. 10.0.0.0/8 or fd00::/8`);
    }
    list.addSubnet(address, length, family);
  }
  return (address) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}
