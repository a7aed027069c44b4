import { openNetwork } from '../../../src/sync-targets/gcp/network.ts';
import { createOwnTokens } from '../../../src/sync-targets/gcp/own-credentials.ts';

/** A program that signs in as whoever the environment says, for the test of what the library prints meanwhile. */
const settings = { insecure: false };
const network = await openNetwork(settings);
const { authorization = '' } = await createOwnTokens(network, settings).headers();
network.close();
process.stdout.write(`${authorization.length}\n`);
