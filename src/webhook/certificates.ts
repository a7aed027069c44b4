import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { InputError } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from './clock.ts';
import { type FileTexts, followFiles, readFiles } from './followed-files.ts';
import type { Notify } from './notices.ts';

/** PEM files, e.g. `tls.crt`, `tls.key` and `ca.crt` of a Secret that cert-manager renews. */
export interface CertificateFiles {
  /** The server's certificate, followed by those between it and an authority. */
  readonly certFile: string;
  /** Its private key, not encrypted. */
  readonly keyFile: string;
  /** The authorities that issue the senders' certificates. */
  readonly clientCaFile?: string;
}

/**
 * A server's certificate, read again every few seconds. For `https` and `tls` alike:
 *
 *     const certificates = await openCertificates({ files, setting: 'webhook.tcp[0].tls', clock, metrics, notify });
 *     const server = createServer({ ...certificates.current() });
 *     certificates.renew(server);   // from now on new connections get the renewed pair; open ones are left alone
 *     …
 *     certificates.close();         // with the server: until then a timer waits
 */
export interface Certificates {
  /** Options of `createServer`. */
  current(): ServerPair;
  /** Gives a server every later pair too. */
  renew(server: { setSecureContext(pair: ServerPair): void }): void;
  close(): void;
}

export interface ServerPair {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

/**
 * Reads and follows a certificate. A later pair that cannot be used is logged, and the one before stays.
 * @throws InputError naming the setting and the file, when the first one cannot be used
 */
export async function openCertificates(options: {
  readonly files: CertificateFiles;
  /** Where the files are named, e.g. `webhook.http.tls`: for messages, and the label of the metric. */
  readonly setting: string;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'certificateExpires'>;
  readonly notify: Notify;
}): Promise<Certificates> {
  const { files, setting, clock, metrics, notify } = options;
  const names = [files.certFile, files.keyFile, ...(files.clientCaFile === undefined ? [] : [files.clientCaFile])];
  const servers: { setSecureContext(pair: ServerPair): void }[] = [];

  const take = (texts: FileTexts): ServerPair => {
    const { pair, expires } = pairOf({ texts, names, setting });
    metrics.certificateExpires.set({ setting }, expires / 1000);
    if (expires <= clock.now()) {
      notify({
        level: 'error',
        kind: `certificate-expired ${setting}`,
        fields: { file: files.certFile, expired: new Date(expires).toISOString() },
        message: `${setting}: the certificate has expired, and senders will refuse it: renew the file`,
      });
    }
    return pair;
  };

  const read = await readFiles(names);
  let current = take(read);
  const stop = followFiles({
    files: names,
    read,
    clock,
    changed(texts) {
      try {
        current = take(texts);
        for (const server of servers) server.setSecureContext(current);
        notify({
          level: 'info',
          kind: `certificate ${setting}`,
          fields: { file: files.certFile },
          message: `${setting}: the certificate was renewed; new connections get it`,
        });
      } catch (error) {
        notify({
          level: 'error',
          kind: `certificate-refused ${setting}`,
          fields: { why: error instanceof InputError ? error.message : 'it cannot be used' },
          message: `${setting}: the certificate files have changed and cannot be used: the ones before stay in use`,
        });
      }
    },
  });
  return {
    current: () => current,
    renew: (server) => void servers.push(server),
    close: stop,
  };
}

/** A pair that a server can be run with, and when its certificate ends, in Unix milliseconds. @throws InputError */
function pairOf(options: { texts: FileTexts; names: readonly string[]; setting: string }): {
  readonly pair: ServerPair;
  readonly expires: number;
} {
  const { texts, names, setting } = options;
  const textOf = (index: number): string => {
    const read = texts[index];
    if (read && 'text' in read) return read.text;
    throw new InputError(`${setting}: the file ${names[index]} cannot be read (${read?.unreadable})`);
  };
  const judge = <T>(index: number, what: string, parse: (text: string) => T): T => {
    const text = textOf(index);
    try {
      return parse(text);
    } catch {
      // Without its cause, which may quote what is in the file.
      throw new InputError(`${setting}: the file ${names[index]} holds no ${what}`);
    }
  };
  const [certificate] = judge(0, 'PEM certificates', certificatesOf);
  const key = judge(1, 'PEM private key that can be read without a password', (text) => createPrivateKey(text));
  if (!certificate.checkPrivateKey(key)) {
    throw new InputError(`${setting}: the key in ${names[1]} is not that of the certificate in ${names[0]}`);
  }
  if (names.length > 2) judge(2, 'PEM certificates', certificatesOf);
  const pair = { cert: textOf(0), key: textOf(1), ...(names.length > 2 ? { ca: textOf(2) } : {}) };
  try {
    createSecureContext(pair);
  } catch {
    throw new InputError(
      `${setting}: TLS refuses ${names.join(', ')}: is the key too short, or the signature too old?`,
    );
  }
  return { pair, expires: certificate.validToDate.getTime() };
}

const pemCertificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesOf(text: string): [X509Certificate, ...X509Certificate[]] {
  const [first, ...others] = (text.match(pemCertificate) ?? []).map((pem) => new X509Certificate(pem));
  if (!first) throw new Error('no certificate');
  return [first, ...others];
}
