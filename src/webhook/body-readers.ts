import { AuditReader } from './audit/reader.ts';
import type { Ingest } from './ingest.ts';
import type { Intake } from './intake.ts';

const openBrace = 0x7b;

/** What makes jobs of one body at a time. */
export interface BodyReader {
  readonly reader: AuditReader;
  readonly intake: Intake;
}

/** Hands out what bodies are read with. */
interface BodyReaders {
  /** For a body that is there as a whole. */
  forWhole(vault: string, body: Buffer | null, contentType: string | undefined): BodyReader;
  /** For one that is still to come. */
  open(vault: string, contentType: string | undefined): BodyReader;
  /** Takes back, to be used again, what has read its body to the end and has handed in every job. */
  giveBack(vault: string, done: BodyReader): void;
}

/** To make a reader and its intake costs more than to read a line with them, so one of each Vault is kept. */
export function createBodyReaders(options: { readonly ingest: Ingest; readonly maxLineBytes: number }): BodyReaders {
  const { ingest, maxLineBytes } = options;
  /** Written over and over: to take an entry out of a map and put it back is not for nothing. */
  const idle = new Map<string, { kept: BodyReader | null }>();

  const open: BodyReaders['open'] = (vault, contentType) => {
    const intake = ingest.open(vault);
    const reader = new AuditReader({ maxRecordBytes: maxLineBytes, prefilter: true, contentType, sink: intake });
    return { reader, intake };
  };
  return {
    open,
    forWhole(vault, body, contentType) {
      // What begins so is JSON whatever its sender calls it; anything else is rare.
      if (body !== null && body[0] !== openBrace) return open(vault, contentType);
      const place = idle.get(vault);
      if (!place?.kept) return open(vault, undefined);
      const { kept } = place;
      place.kept = null;
      return kept;
    },
    giveBack(vault, done) {
      const place = idle.get(vault);
      if (place) place.kept = done;
      else idle.set(vault, { kept: done });
    },
  };
}
