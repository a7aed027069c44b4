import { describe, expect, test } from '@jest/globals';
import { createAllowList } from '../../../src/webhook/sockets/allow-list.ts';

describe('an allow list', () => {
  test.each([
    { allow: [], address: '192.0.2.1', allowed: true },
    { allow: ['192.0.2.0/24'], address: '192.0.2.1', allowed: true },
    { allow: ['192.0.2.0/24'], address: '::ffff:192.0.2.1', allowed: true },
    { allow: ['192.0.2.0/24'], address: '192.0.3.1', allowed: false },
    { allow: ['192.0.2.0/24'], address: '::ffff:192.0.3.1', allowed: false },
    { allow: ['192.0.2.7'], address: '192.0.2.7', allowed: true },
    { allow: ['192.0.2.7'], address: '192.0.2.8', allowed: false },
    { allow: ['10.0.0.0/8', 'fd00::/8'], address: 'fd12::1', allowed: true },
    { allow: ['10.0.0.0/8', 'fd00::/8'], address: 'fe80::1', allowed: false },
    { allow: ['10.0.0.0/8'], address: '', allowed: false },
  ])('of $allow answers $allowed for "$address"', ({ allow, address, allowed }) => {
    const isAllowed = createAllowList(allow, 'webhook.tcp[0]');

    expect(isAllowed(address)).toBe(allowed);
  });

  test.each(['10.0.0.0/33', '10.0.0/8', 'vault.example.com', 'fd00::/129', '10.0.0.0/', '10.0.0.0/8/8'])(
    'refuses "%s"',
    (network) => {
      expect(() => createAllowList([network], 'webhook.tcp[0]')).toThrow(/^webhook\.tcp\[0\]: .* is no network/);
    },
  );
});
