import { v1 } from '@google-cloud/secret-manager';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { googleAuthLibrary, grpc } from 'google-gax';
import { type GcpSecretManager, startGcpSecretManager } from './start.ts';

export const PARENT = 'projects/team-payments';
export const NUMBER = '424242424242';
export const AUTOMATIC = { automatic: {} };
export const STATUS = grpc.status;

const TOKEN = 'a-token-for-the-stand-in';

/** Call options that carry the token; with them the vendor's client does not retry by itself. */
export function signed(token = TOKEN) {
  return { otherArgs: { headers: { authorization: `Bearer ${token}` } }, timeout: 5_000, retry: null };
}

/** One stand-in for all tests of a file, and the vendor's own client. */
export interface StandInUnderTest {
  standIn(): GcpSecretManager;
  client(): v1.SecretManagerServiceClient;
  /** Creates a secret of a new id in `PARENT`. */
  createSecret(secret?: object): Promise<{ id: string; name: string; etag: string }>;
  /** Adds a version; its name. */
  addVersion(name: string, text: string): Promise<string>;
}

export function useStandIn(): StandInUnderTest {
  let standIn: GcpSecretManager;
  let client: v1.SecretManagerServiceClient;
  let lastId = 0;

  beforeAll(async () => {
    const projects = [
      { id: 'team-payments', number: NUMBER },
      { id: 'team-search', number: '777' },
    ];
    standIn = await startGcpSecretManager({ projects, token: TOKEN });
    client = connect(standIn.endpoint);
  });
  afterEach(async () => {
    await standIn.clearFaults();
  });
  afterAll(async () => {
    await client.close();
    await standIn.stop();
  });

  return {
    standIn: () => standIn,
    client: () => client,
    async createSecret(secret = {}) {
      lastId += 1;
      const id = `secret-${lastId}`;
      const request = { parent: PARENT, secretId: id, secret: { replication: AUTOMATIC, ...secret } };
      const [created] = await client.createSecret(request, signed());
      return { id, name: created.name ?? '', etag: created.etag ?? '' };
    },
    async addVersion(name, text) {
      const request = { parent: name, payload: { data: Buffer.from(text) } };
      const [version] = await client.addSecretVersion(request, signed());
      return version.name ?? '';
    },
  };
}

export function connect(endpoint: string): v1.SecretManagerServiceClient {
  const [apiEndpoint = '', port] = endpoint.split(':');
  return new v1.SecretManagerServiceClient({
    apiEndpoint,
    port: Number(port),
    sslCreds: grpc.credentials.createInsecure(),
    // Without it the client asks the network for Google's metadata server first.
    authClient: new googleAuthLibrary.PassThroughClient(),
  });
}
