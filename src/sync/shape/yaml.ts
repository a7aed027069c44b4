import { Document, type ScalarTag } from 'yaml';
import { stringifyString, stringTag } from 'yaml/util';
import { isRawNumber, type JsonObject, type RawNumber } from '../../vault/json.ts';
import { sortKeys } from './json.ts';

/**
 * The keys as YAML with sorted keys that YAML 1.1 and 1.2 read alike: a text that either takes for something else is
 * quoted. Numbers keep every digit. Pure.
 */
export function renderYaml(data: JsonObject): string {
  const document = new Document(sortKeys(data), {
    aliasDuplicateObjects: false,
    compat: 'yaml-1.1',
    customTags: (tags) => [exactNumber, safeText, ...tags],
  });
  // 0: no line is ever folded.
  return document.toString({ lineWidth: 0 });
}

const exactNumber: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  identify: isRawNumber,
  resolve: (text) => text,
  stringify: ({ value }) => (value as RawNumber).rawJSON,
};

/** Characters that some reader of YAML refuses, takes for a line break, or drops. */
const foreign = /[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;
/** A tag of YAML 1.1; and space at the edges of lines, of which not every reader keeps all when it is written as lines. */
const doubtful = /^=$|^[ \n]| \n| $/;

const safeText: ScalarTag = {
  ...stringTag,
  stringify(item, context, ...callbacks) {
    const text = String(item.value);
    if (foreign.test(text) || doubtful.test(text)) return quote(text);
    return stringifyString(item, { ...context, actualString: true }, ...callbacks);
  },
};

/** JSON's escapes are YAML's too; what JSON leaves as it is and YAML does not is escaped by its number. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
