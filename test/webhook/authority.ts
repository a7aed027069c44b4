import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/** A certificate and its key, as PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly addresses?: readonly string[];
  readonly notAfter?: Date;
}

export interface Authority {
  /** Its own certificate, as PEM. */
  readonly cert: string;
  issue(wish: Wish): Issued;
}

const hour = 3_600_000;

/** A certificate authority that lives as long as the test; `node:crypto` reads certificates, but issues none. */
export function createAuthority(commonName: string): Authority {
  const { publicKey, privateKey } = newKeys();
  const cert = certificate({
    subject: { commonName },
    issuer: commonName,
    publicKey,
    signer: privateKey,
    authority: true,
  });
  return {
    cert,
    issue(wish) {
      const keys = newKeys();
      return {
        cert: certificate({
          subject: wish,
          issuer: commonName,
          publicKey: keys.publicKey,
          signer: privateKey,
          authority: false,
        }),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
      };
    },
  };
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

interface Certificate {
  readonly subject: Wish;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly authority: boolean;
}

let serial = 0;

/** RFC 5280, section 4.1, with as few extensions as OpenSSL is content with. */
function certificate({ subject, issuer, publicKey, signer, authority }: Certificate): string {
  const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'));
  const { commonName, dnsNames = [], uris = [], addresses = [], notAfter = new Date(Date.now() + hour) } = subject;
  const alternatives = [
    ...dnsNames.map((name) => element(0x82, Buffer.from(name))),
    ...uris.map((uri) => element(0x86, Buffer.from(uri))),
    ...addresses.map((address) => element(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  const extensions = [
    extension('2.5.29.19', sequence(...(authority ? [element(0x01, Buffer.from([0xff]))] : []))),
    ...(alternatives.length > 0 ? [extension('2.5.29.17', sequence(...alternatives))] : []),
  ];
  serial += 1;
  const unique = createHash('sha256').update(`${issuer} ${serial} ${process.pid}`).digest().subarray(0, 8);
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, Buffer.concat([Buffer.from([1]), unique])),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(time(new Date(Date.now() - 24 * hour)), time(notAfter)),
    commonName === undefined ? sequence() : nameOf(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensions)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]);
  const der = sequence(body, ecdsaWithSha256, element(0x03, signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** A DER element: its tag, its length, its content. */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 128) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => element(0x30, Buffer.concat(parts));

function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split('.').map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

const nameOf = (commonName: string): Buffer =>
  sequence(element(0x31, sequence(objectId('2.5.4.3'), element(0x0c, Buffer.from(commonName)))));

const time = (date: Date): Buffer =>
  element(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));

const extension = (id: string, value: Buffer): Buffer => sequence(objectId(id), element(0x04, value));
