import { createHash } from 'node:crypto';
import { Fault } from '../fault.ts';
import { readJson, toJson } from '../format/json.ts';
import { define, type FunctionTable, type TemplateFunction } from './define.ts';
import { decodeText, lengthOf } from './text-bytes.ts';

/** Base64, hashes and JSON, under the names of Sprig and of the ancestor. */
export const encoding: FunctionTable = {
  b64enc: encodeBase64(),
  b64dec: decodeBase64('b64dec'),
  base64encode: encodeBase64(),
  base64decode: decodeBase64('base64decode'),
  sha1sum: hash('sha1'),
  sha256sum: hash('sha256'),
  sha512sum: hash('sha512'),
  json: define(['any'], ([value], budget) => toJson(value, budget)),
  toJson: define(['any'], ([value], budget) => toJson(value, budget)),
  mustToJson: define(['any'], ([value], budget) => toJson(value, budget)),
  toPrettyJson: define(['any'], ([value], budget) => toJson(value, budget, { pretty: true })),
  toRawJson: define(['any'], ([value], budget) => toJson(value, budget, { escapeHtml: false })),
  fromJson: define(['string'], ([text], budget) => readJson(text, budget) ?? null),
  mustFromJson: define(['string'], ([text], budget) => {
    const value = readJson(text, budget);
    if (value === undefined) throw new Fault('mustFromJson is given a text that is no JSON');
    return value;
  }),
};

function encodeBase64(): TemplateFunction {
  return define(['string'], ([text], budget) => {
    budget.spendText(lengthOf(text) * 2);
    return Buffer.from(text).toString('base64');
  });
}

/** Sprig's `b64dec` yields the words of its complaint for what is no base64: here that is a fault. */
function decodeBase64(name: string): TemplateFunction {
  return define(['string'], ([text]) => {
    const encoded = text.replace(/[\r\n]/g, '');
    if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) {
      throw new Fault(`${name} is given a text that is no base64`);
    }
    const decoded = decodeText(Buffer.from(encoded, 'base64'));
    if (decoded === null) throw new Fault(`${name} yields bytes that are no UTF-8 text: a copy holds text`);
    return decoded;
  });
}

function hash(algorithm: 'sha1' | 'sha256' | 'sha512'): TemplateFunction {
  return define(['string'], ([text], budget) => {
    budget.spendText(text.length);
    return createHash(algorithm).update(text).digest('hex');
  });
}
