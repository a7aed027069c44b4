import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { InputError } from '../../errors.ts';

/**
 * Makes room for a unix socket: one that was left behind, on which nobody listens, is removed.
 * @throws InputError when somebody listens there, or what is there is no socket
 */
export async function clearSocketPath(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new InputError(`webhook.unix: ${path} cannot be looked at (${error.code}): check the folder and its rights`);
  });
  if (found === null) return;
  if (!found.isSocket()) {
    throw new InputError(`webhook.unix: ${path} is there already and is no socket: name another path, or remove it`);
  }
  if (await isAnswered(path)) {
    throw new InputError(`webhook.unix: another process listens on ${path}: stop it, or name another path`);
  }
  await unlink(path);
}

/** Only a refusal proves that nobody listens: it could also be that we may not connect. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'));
  });
}
