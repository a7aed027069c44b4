import { fixSpec } from '../../errors.ts';
import type { Desired } from '../contract.ts';
import { metadataOver } from './metadata.ts';
import { secretIdOf } from './names.ts';

/** GCP: payload of a version, 64 KiB. */
const maxValueBytes = 65_536;

/** GCP: 64 labels, one of which is our owner mark. */
const maxOwnLabels = 63;

/** GCP: label keys and values, Google's own expressions (with /u: lower-case and caseless letters of any script). */
const labelKey = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u;
const labelValue = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u;

/** GCP: label keys and values, 128 bytes of UTF-8. */
const maxLabelBytes = 128;

/** GCP: annotation keys. */
const annotationKey = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** GCP: annotations, keys and values together: less than 16 KiB. */
const annotationBytesBelow = 16_384;

/** Labels and annotations that begin so are ours. */
const ourPrefix = 'vss-';

/**
 * Refuses what GCP Secret Manager would refuse, before any call.
 * @throws SyncError `FixSpec` that says the limit, never the value
 */
export function refuseImpossible(desired: Desired): void {
  secretIdOf(desired.name, { derived: false });
  if (!desired.value.isWellFormed()) {
    const text = `the value of ${desired.name} holds half a character (1 of 2 UTF-16 surrogates), which would not arrive as it is: correct it in Vault`;
    throw fixSpec('ValueInvalid', text);
  }
  const bytes = Buffer.byteLength(desired.value);
  if (bytes === 0)
    throw fixSpec('ValueEmpty', `GCP Secret Manager cannot hold the empty value of ${desired.name}: 1 byte at least`);
  if (bytes > maxValueBytes) {
    const text = `the value of ${desired.name} has ${bytes} bytes, and GCP Secret Manager takes ${maxValueBytes} at most: split it`;
    throw fixSpec('ValueTooLarge', text);
  }
  refuseImpossibleLabels(desired.destination.gcp?.labels ?? {});
  refuseImpossibleAnnotations(desired);
}

function refuseImpossibleAnnotations(desired: Desired): void {
  for (const key of Object.keys(desired.destination.gcp?.annotations ?? {})) {
    const where = `the annotation ${JSON.stringify(key)}`;
    if (key.startsWith(ourPrefix))
      throw fixSpec('AnnotationsInvalid', `${where} begins with ${ourPrefix}, which is kept for our marks`);
    if (!annotationKey.test(key)) {
      const rule = 'has up to 63 letters, digits, _ . and -, with a letter or digit at both ends';
      throw fixSpec('AnnotationsInvalid', `${where} is not possible in GCP: a key ${rule}`);
    }
  }
  const { annotations } = metadataOver({ labels: {}, annotations: {} }, desired, desired.marks.state);
  const bytes = Object.entries(annotations)
    .flat()
    .reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes >= annotationBytesBelow) {
    const text = `the annotations of ${desired.name} have ${bytes} bytes with our marks, and GCP takes less than ${annotationBytesBelow}: shorten them`;
    throw fixSpec('AnnotationsInvalid', text);
  }
}

function refuseImpossibleLabels(labels: Readonly<Record<string, string>>): void {
  const entries = Object.entries(labels);
  if (entries.length > maxOwnLabels) {
    throw fixSpec(
      'LabelsInvalid',
      `${entries.length} labels are too many for GCP: ${maxOwnLabels} beside our own mark`,
    );
  }
  for (const [key, value] of entries) {
    const where = `the label ${JSON.stringify(key)}`;
    if (key.startsWith(ourPrefix))
      throw fixSpec('LabelsInvalid', `${where} begins with ${ourPrefix}, which is kept for our marks`);
    if (!labelKey.test(key) || Buffer.byteLength(key) > maxLabelBytes) {
      const rule = 'has up to 63 lower-case letters, digits, _ and -, and begins with a letter';
      throw fixSpec('LabelsInvalid', `${where} is not possible in GCP: a key ${rule}`);
    }
    if (!labelValue.test(value) || Buffer.byteLength(value) > maxLabelBytes) {
      const rule = 'has up to 63 lower-case letters, digits, _ and -';
      throw fixSpec('LabelsInvalid', `the value of ${where} is not possible in GCP: it ${rule}`);
    }
  }
}
