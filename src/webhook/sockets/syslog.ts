const openBracket = 0x5b;
const closeBracket = 0x5d;
const quote = 0x22;
const backslash = 0x5c;
const dash = 0x2d;
const space = 0x20;

/** Priority and version, then timestamp, host, application, process and message id, none longer than 255 characters. */
const fields = /^<\d{1,3}>[1-9]\d{0,2} (?:[!-~]{1,255} ){5}/;
const longestFields = 1_300;

/**
 * What an RFC 5424 message says, without its header, in whose structured data a brace may stand. Anything else, messages of
 * the older RFC 3164 among it, is returned as it is: there the first brace begins the entry.
 */
export function withoutSyslogHeader(message: Buffer): Buffer {
  const header = fields.exec(message.toString('latin1', 0, longestFields))?.[0];
  if (header === undefined) return message;
  const end = endOfStructuredData(message, header.length);
  return end < 0 ? message : message.subarray(end);
}

/** `-`, or one or more of `[id name="value" …]`, in whose values `"`, `\` and `]` are escaped; -1 when it is neither. */
function endOfStructuredData(message: Buffer, from: number): number {
  if (message[from] === dash) return from + 1;
  let at = from;
  while (message[at] === openBracket) {
    at = endOfElement(message, at);
    if (at < 0) return -1;
  }
  return at > from && (at === message.length || message[at] === space) ? at : -1;
}

function endOfElement(message: Buffer, from: number): number {
  let inValue = false;
  for (let at = from; at < message.length; at++) {
    const byte = message[at];
    if (byte === quote) inValue = !inValue;
    else if (inValue && byte === backslash) at++;
    else if (!inValue && byte === closeBracket) return at + 1;
  }
  return -1;
}
