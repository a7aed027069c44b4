import type { Job } from '../state/contract.ts';
import { describeSource } from '../sync/marks.ts';

/** A job as people call it. Names of secrets come from Vault and may hold anything: what would move the cursor is written out. */
export function wordsFor(job: Job): string {
  return printable(inWords(job));
}

/** Text that a terminal shows as it is: control characters and marks of direction become `\u{…}`. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => `\\u{${mark.codePointAt(0)?.toString(16)}}`);
}

function inWords(job: Job): string {
  switch (job.kind) {
    case 'path':
      return `path ${job.mount}/${job.name} in ${placeOf(job)}`;
    case 'mount':
      return `${job.mount === '' ? 'everything' : `mount ${job.mount}`} in ${placeOf(job)}`;
    case 'sync':
      return `sync ${job.sync}`;
    case 'copy':
      return `copy ${job.copy} of ${sourceOf(job)} for ${job.sync}`;
    default: {
      const never: never = job;
      return never;
    }
  }
}

function placeOf({ vault, namespace }: { vault: string; namespace: string }): string {
  return namespace === '' ? `Vault ${vault}` : `namespace ${namespace} of Vault ${vault}`;
}

/** Whoever can write to the queue can write there what is no source. */
function sourceOf({ source }: Job & { kind: 'copy' }): string {
  try {
    return describeSource(source);
  } catch {
    return source;
  }
}
