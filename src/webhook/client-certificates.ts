import type { TLSSocket } from 'node:tls';
import { compileGlob, isGlob } from '../paths/glob.ts';

/** A sender's certificate that is let in. */
export interface ClientSettings {
  /** Common name, DNS name or URI, written out or as a glob (`**` = any). */
  readonly name: string;
  /** The only Vault that its bearer may speak for; left out: any. */
  readonly vault?: string;
}

/** The holder of a certificate that is let in. */
export interface KnownClient {
  readonly vault: string | null;
  /** The name that it is let in by. */
  readonly name: string;
}

/**
 * Finds who is at the other end of a TLS connection, whatever server accepted it (`requestCert: true`, `ca` of
 * `Certificates`): the first entry of the list that has one of the certificate's names. Null when there is no
 * certificate, when no authority of ours issued it, or when the list has none of its names.
 */
export function createFindClient(clients: readonly ClientSettings[]): (socket: TLSSocket) => KnownClient | null {
  const entries = clients.map(({ name, vault }) => ({
    takes: isGlob(name) ? compileGlob(name) : (other: string) => other === name,
    vault: vault ?? null,
  }));
  const found = new WeakMap<TLSSocket, KnownClient | null>();

  const look = (socket: TLSSocket): KnownClient | null => {
    if (!socket.authorized) return null;
    const names = namesOf(socket.getPeerCertificate());
    for (const { takes, vault } of entries) {
      const name = names.find(takes);
      if (name !== undefined) return { vault, name };
    }
    return null;
  };
  return (socket) => {
    // Once per connection: its certificate cannot change.
    let client = found.get(socket);
    if (client === undefined) {
      client = look(socket);
      found.set(socket, client);
    }
    return client;
  };
}

/** What `getPeerCertificate` gives, as far as it is looked at; `{}` without a certificate. */
interface PeerCertificate {
  readonly subject?: { readonly CN?: string | readonly string[] };
  readonly subjectaltname?: string;
}

/** Every name that a certificate has: common names, DNS names, URIs. */
function namesOf({ subject, subjectaltname }: PeerCertificate): string[] {
  return [subject?.CN ?? []].flat().concat(alternativeNames(subjectaltname ?? ''));
}

/** `DNS:a.example.com, URI:spiffe://…`: a value that could be read wrongly is a JSON string, in which commas are escaped. */
const alternativeName = /([\w ]+):([^,]*)(?:, |$)/y;

function alternativeNames(text: string): string[] {
  const names: string[] = [];
  alternativeName.lastIndex = 0;
  while (alternativeName.lastIndex < text.length) {
    const [, kind, value = ''] = alternativeName.exec(text) ?? [];
    // Written otherwise than we know: rather no name than a wrong one.
    if (kind === undefined) return [];
    if (kind === 'DNS' || kind === 'URI') names.push(value.startsWith('"') ? (JSON.parse(value) as string) : value);
  }
  return names;
}
