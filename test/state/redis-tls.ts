import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RedisTls } from '../peers/start-redis.ts';
import { createAuthority, type Wish } from '../webhook/authority.ts';

/** One certificate for servers and clients, in files, and servers that ask for it: each side trusts its authority and nobody else. */
export function writeCertificates(folder: string, wish: Wish): RedisTls {
  const authority = createAuthority('Redis authority');
  const issued = authority.issue({ commonName: 'redis', ...wish });
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return {
    ca: file('ca.pem', authority.cert),
    cert: file('own.crt', issued.cert),
    key: file('own.key', issued.key),
    asksForCertificate: true,
  };
}

/** What the settings say below `state` of such certificates. */
export function tlsSettings({ ca, cert, key }: RedisTls): Record<string, string> {
  return { caFile: ca, certFile: cert, keyFile: key };
}
