import { type PeerName, type PeerPrograms, peers } from './provision/peers.ts';
import { thisMachine, type World } from './provision/world.ts';

/**
 * The programs of a peer: the user's own (`VAULT_BIN`, `HELM_BIN`, `KUBEBUILDER_ASSETS`, PATH) or else built or installed now,
 * which can take minutes and says so on standard error. Takes milliseconds once they are there.
 */
export function providePeer<Name extends PeerName>(
  name: Name,
  world: World = thisMachine(),
): Promise<PeerPrograms[Name]> {
  return peers[name](world);
}

function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(peers, name);
}

/** `node test/peers/provision.ts vault redis`: provides each of them in turn and says where it is. */
async function main(names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !isPeerName(name));
  if (names.length === 0 || unknown.length > 0) {
    const complaint = unknown.length > 0 ? `unknown: ${unknown.join(', ')}; ` : '';
    console.error(`${complaint}say which peers to provide: ${Object.keys(peers).join(', ')}`);
    return 2;
  }
  let missing = 0;
  for (const name of names.filter(isPeerName)) {
    try {
      const programs = await providePeer(name);
      for (const path of Object.values(programs)) console.log(`${name}: ${path}`);
    } catch (error) {
      missing += 1;
      console.error(Error.isError(error) ? error.message : String(error));
    }
  }
  return missing === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
