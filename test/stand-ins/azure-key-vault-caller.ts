import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { SecretClient } from '@azure/keyvault-secrets';
import { type AzureKeyVaultOptions, type AzureKeyVaultStandIn, startAzureKeyVault } from './azure-key-vault/start.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Somebody who uses a stand-in: by the vendor's client, and by bare requests. */
export interface Caller {
  readonly standIn: AzureKeyVaultStandIn;
  /** The vendor's client of the vault at `localhost`, signed in. */
  readonly client: SecretClient;
  /** The same for the vault at another host name of the stand-in. */
  clientAt(host: string): SecretClient;
  get(path: string): Promise<Answer>;
  /** Asks for a token with a form that is right but for the changes. */
  askForToken(changes: Readonly<Record<string, string>>): Promise<Answer>;
  close(): Promise<void>;
}

/** Starts a stand-in and a caller of it. */
export async function startCaller(options: AzureKeyVaultOptions = {}): Promise<Caller> {
  const standIn = await startAzureKeyVault(options);
  const agent = new Agent({ keepAlive: true, ca: readFileSync(standIn.caFile) });

  const askForToken: Caller['askForToken'] = (changes) => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: 'https://vault.azure.net/.default',
      client_id: standIn.clientId,
      client_secret: standIn.clientSecret,
      ...changes,
    });
    const url = `${standIn.authorityHost}/${standIn.tenantId}/oauth2/v2.0/token`;
    return ask({ method: 'POST', url, body: form.toString(), agent });
  };
  const credential = {
    getToken: async () => {
      const { body } = await askForToken({});
      return { token: String(JSON.parse(body)['access_token']), expiresOnTimestamp: Date.now() + 3_600_000 };
    },
  };
  const clientAt: Caller['clientAt'] = (host) =>
    new SecretClient(standIn.vaultUrl.replace('localhost', host), credential, {
      agent,
      retryOptions: { maxRetries: 0 },
      disableChallengeResourceVerification: true,
    });
  return {
    standIn,
    client: clientAt('localhost'),
    clientAt,
    get: (path) => ask({ method: 'GET', url: `${standIn.vaultUrl}${path}`, agent }),
    askForToken,
    async close() {
      agent.destroy();
      await standIn.stop();
    },
  };
}

/** Runs with a stand-in that behaves differently from the shared one. */
export async function withCaller(options: AzureKeyVaultOptions, use: (caller: Caller) => Promise<void>): Promise<void> {
  const caller = await startCaller(options);
  try {
    await use(caller);
  } finally {
    await caller.close();
  }
}

/** What a refused call tells: status, code and inner code. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { statusCode, code, details } = error as {
      statusCode?: number;
      code?: string;
      details?: { error?: { innerError?: { code?: string } } };
    };
    return [statusCode, code, details?.error?.innerError?.code].filter((part) => part !== undefined).join(' ');
  }
  return 'nothing was refused';
}

function ask(options: { method: string; url: string; body?: string; agent: Agent }): Promise<Answer> {
  const { method, url, body, agent } = options;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(url, { method, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
