import { fixSpec } from '../errors.ts';
import { saysInvalidToken } from './answer.ts';
import type { TokenSource } from './auth.ts';
import type { VaultClient } from './client.ts';
import type { VaultAnswer } from './transport.ts';

/** What a request to Vault was for: the closed set of a metric's label. */
export type VaultOperation = 'read' | 'list' | 'mount' | 'login' | 'renew' | 'revoke' | 'check';

interface Question {
  readonly operation: 'read' | 'list' | 'mount' | 'check';
  /** '' is the root namespace. */
  readonly namespace: string;
  /** Percent-encoded. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Asks one Vault under one identity. */
export interface Session {
  readonly address: string;
  /** @throws SyncError `FixSpec` for a namespace on a Vault that has none */
  ask(question: Question): Promise<VaultAnswer>;
}

export function createSession(options: {
  address: string;
  namespaces: boolean;
  client: VaultClient;
  tokens: TokenSource;
  onRequest: (operation: VaultOperation) => void;
}): Session {
  const { address, client, tokens } = options;

  function send(question: Question, token: string): Promise<VaultAnswer> {
    options.onRequest(question.operation);
    const { namespace, signal } = question;
    const call = { token, namespace, signal };
    return question.operation === 'list' ? client.list(question.path, call) : client.read(question.path, call);
  }

  return {
    address,
    async ask(question) {
      if (question.namespace !== '' && !options.namespaces) throw refuseNamespace(address, question.namespace);
      const { signal } = question;
      const token = await tokens.current(signal);
      const answer = await send(question, token);
      if (answer.status !== 403) return answer;
      const other = await tokens.replace(token, { invalid: saysInvalidToken(answer), signal });
      return other === null ? answer : send(question, other);
    },
  };
}

/** A Vault without namespaces ignores the header and would answer from the root: another secret of the same name. */
function refuseNamespace(address: string, namespace: string): Error {
  return fixSpec(
    'NamespacesOff',
    `the namespace "${namespace}" was asked of Vault ${address}, which has none by the settings: remove it from the manifest, or set \`vaults[].namespaces: true\` if it is Vault Enterprise, HCP Vault or OpenBao with namespaces`,
  );
}
