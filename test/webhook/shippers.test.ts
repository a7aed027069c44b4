import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { auditEntry, otlp, pairs, readAll } from './entries.ts';

const json = JSON.stringify;
const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
const entry = auditEntry({ version: 3 });
const line = json(entry);
const read = auditEntry({ operation: 'read' });
const at = '2026-03-01T12:00:00.000Z';

function logRecords(record: unknown): string {
  return json({ resourceLogs: [{ resource: {}, scopeLogs: [{ scope: {}, logRecords: [record] }] }] });
}

/** What senders post, one sample each; two entries in each that can hold two. */
const samples: readonly { readonly sender: string; readonly body: string; readonly entries: number }[] = [
  { sender: 'Vault, HCP or OpenBao', body: `${line}\n${line}\n`, entries: 2 },
  { sender: 'Vault with `prefix`', body: `vault-audit[7]: ${line}\nvault-audit[7]: ${line}\n`, entries: 2 },
  {
    sender: 'Fluent Bit, json',
    body: `[{"date":1772366400.123,${line.slice(1)},{"date":1772366400.124,${line.slice(1)}]`,
    entries: 2,
  },
  { sender: 'Fluent Bit, json_lines', body: `{"date":1772366400.1,${line.slice(1)}\n`.repeat(2), entries: 2 },
  { sender: 'Fluent Bit, json_stream', body: `{"date":1772366400.1,${line.slice(1)}`.repeat(2), entries: 2 },
  {
    sender: 'Fluent Bit without a parser',
    body: json([
      { date: 1772366400.1, log: line },
      { date: 1, log: line },
    ]),
    entries: 2,
  },
  {
    sender: 'Fluent Bit in Kubernetes',
    body: json([
      {
        date: 1,
        time: at,
        stream: 'stdout',
        _p: 'F',
        log: `${line}\n`,
        kubernetes: { pod_name: 'vault-0', labels: {} },
      },
    ]),
    entries: 1,
  },
  {
    sender: 'Fluent Bit, gelf',
    body: json({ version: '1.1', host: 'vault-0', short_message: line, level: 6 }),
    entries: 1,
  },
  { sender: 'Fluentd, json', body: `${line}\n${line}\n`, entries: 2 },
  { sender: 'Fluentd, json_array', body: json([entry, entry]), entries: 2 },
  { sender: 'Fluentd, single_value', body: `${line}\n${line}\n`, entries: 2 },
  { sender: 'Fluentd without a parser', body: `${json({ message: line })}\n`.repeat(2), entries: 2 },
  {
    sender: 'Vector, json',
    body: json([{ file: '/vault/audit.log', host: 'vault-0', message: line, source_type: 'file', timestamp: at }]),
    entries: 1,
  },
  {
    sender: 'Vector, newline_delimited, after parse_json',
    body: [{ ...entry, host: 'vault-0', source_type: 'file' }, entry].map((event) => json(event)).join('\n'),
    entries: 2,
  },
  { sender: 'Vector, text', body: `${line}\n${line}`, entries: 2 },
  {
    sender: 'Logstash, json',
    body: json({
      '@version': '1',
      '@timestamp': at,
      host: { name: 'vault-0' },
      message: line,
      log: { file: { path: '/x' } },
    }),
    entries: 1,
  },
  {
    sender: 'Logstash, json_batch, with a json filter',
    body: json([{ ...entry, '@version': '1', '@timestamp': at, event: { original: line } }]),
    entries: 1,
  },
  {
    sender: 'rsyslog, RFC 5424',
    body: `<134>1 ${at} vault-0 vault 7 audit [a@1 b="c"] ${line}\n`.repeat(2),
    entries: 2,
  },
  { sender: 'rsyslog, RFC 3164 with @cee', body: `<134>Mar  1 12:00:00 vault-0 vault[7]: @cee: ${line}\n`, entries: 1 },
  { sender: 'rsyslog, jsonarray', body: json([{ msg: ` ${line}`, syslogtag: 'vault:' }, { msg: line }]), entries: 2 },
  {
    sender: 'rsyslog, kafkarest',
    body: json({ records: [{ key: 'vault', value: entry }, { value: { msg: line } }] }),
    entries: 2,
  },
  {
    sender: 'rsyslog, lokirest; Loki',
    body: json({ streams: [{ stream: { host: 'vault-0' }, values: [['1772366400000000000', line]] }] }),
    entries: 1,
  },
  {
    sender: 'syslog-ng, format-json',
    body: `${json({ PROGRAM: 'vault', PID: '7', MESSAGE: line, HOST: 'v' })}\n`,
    entries: 1,
  },
  { sender: 'syslog-ng, body($MESSAGE)', body: `${line}\n${line}\n`, entries: 2 },
  {
    sender: 'Splunk HEC, events',
    body: `${json({ time: 1772366400, host: 'v', sourcetype: '_json', event: entry })}${json({ event: line })}`,
    entries: 2,
  },
  { sender: 'Splunk HEC, raw', body: `${line}\n${line}\n`, entries: 2 },
  { sender: 'Cribl', body: json({ _raw: line, _time: 1772366400, source: '/vault/audit.log' }), entries: 1 },
  {
    sender: 'Elastic, ECS with event.original',
    body: json({ '@timestamp': at, ecs: { version: '8.11.0' }, event: { dataset: 'vault.audit', original: line } }),
    entries: 1,
  },
  {
    sender: 'Elastic, the hashicorp_vault integration',
    body: json({ '@timestamp': at, hashicorp_vault: { audit: entry }, event: { action: 'update' } }),
    entries: 1,
  },
  { sender: "Docker's json-file", body: `${json({ log: `${line}\n`, stream: 'stdout', time: at })}\n`, entries: 1 },
  { sender: 'a container runtime (CRI)', body: `${at} stdout F ${line}\n`.repeat(2), entries: 2 },
  { sender: 'OpenTelemetry, the line as body', body: logRecords({ body: { stringValue: line } }), entries: 1 },
  { sender: 'OpenTelemetry, parsed into the body', body: logRecords({ body: otlp(entry) }), entries: 1 },
  {
    sender: 'OpenTelemetry, parsed into attributes',
    body: logRecords({ body: { stringValue: 'audit' }, attributes: [...pairs(entry), ...pairs({ 'log.file': 'x' })] }),
    entries: 1,
  },
  {
    sender: 'Google Cloud Logging',
    body: json({ insertId: 'x', jsonPayload: entry, resource: { type: 'k8s_container', labels: {} } }),
    entries: 1,
  },
  { sender: 'AWS SNS', body: json({ Type: 'Notification', MessageId: 'x', Message: line }), entries: 1 },
  {
    sender: 'CloudWatch Logs',
    body: json({ messageType: 'DATA_MESSAGE', logGroup: 'x', logEvents: [{ id: '1', timestamp: 1, message: line }] }),
    entries: 1,
  },
  { sender: 'Azure Event Grid', body: json([{ id: '1', eventType: 'x', subject: 'x', data: entry }]), entries: 1 },
  {
    sender: 'CloudEvents',
    body: json({ specversion: '1.0', type: 'x', source: 'x', id: '1', data: entry }),
    entries: 1,
  },
  {
    sender: 'Filebeat through Logstash',
    body: json([
      {
        '@timestamp': at,
        '@version': '1',
        message: line,
        agent: { type: 'filebeat', version: '8.15.0' },
        log: { offset: 7, file: { path: '/vault/audit.log' } },
        input: { type: 'filestream' },
        event: { original: line },
      },
    ]),
    entries: 2,
  },
  { sender: 'a Windows program, with a byte order mark', body: `\uFEFF${line}\r\n${line}\r\n`, entries: 2 },
];

/** Senders that hide the line in base64. */
const encoded: readonly { readonly sender: string; readonly bodyOf: (line: string) => string }[] = [
  {
    sender: 'Amazon Data Firehose',
    bodyOf: (line) => json({ requestId: 'x', timestamp: 1, records: [{ data: base64(`${line}\n`) }] }),
  },
  {
    sender: 'Amazon Data Firehose, from CloudWatch Logs',
    bodyOf(line) {
      const control = json({ messageType: 'CONTROL_MESSAGE', logEvents: [{ id: '', message: 'check' }] });
      const data = json({ messageType: 'DATA_MESSAGE', logEvents: [{ id: '1', timestamp: 1, message: line }] });
      return json({ requestId: 'x', records: [control, data].map((text) => ({ data: base64(gzipSync(text)) })) });
    },
  },
  {
    sender: 'Google Pub/Sub, wrapped',
    bodyOf: (line) => json({ message: { data: base64(line), messageId: '1' }, subscription: 'projects/x' }),
  },
  {
    sender: 'Google Pub/Sub, from Cloud Logging',
    bodyOf: (line) => json({ message: { data: base64(json({ insertId: 'x', textPayload: line })), messageId: '1' } }),
  },
];

describe('what is read of a body of', () => {
  test.each(samples)('$sender', ({ body, entries }) => {
    const { verdicts } = readAll([body], { prefilter: true });

    expect(verdicts).toEqual(Array(entries).fill(expect.objectContaining({ verdict: 'changed', version: 3 })));
    expect(verdicts[0]).toMatchObject({ mount: 'secret', path: 'secret/data/app/db', operation: 'update' });
  });

  test.each(samples)('$sender comes to nothing where it is a read', ({ body }) => {
    const asRead = body.replaceAll('update', 'read');

    const { verdicts } = readAll([asRead], { prefilter: true });

    expect(verdicts.filter(({ verdict }) => verdict !== 'ignored')).toEqual([]);
  });
});

describe('what is read of the base64 in a body of', () => {
  test.each(encoded)('$sender', ({ bodyOf }) => {
    const ofChange = readAll([bodyOf(line)], { prefilter: true });
    const ofRead = readAll([bodyOf(json(read))], { prefilter: true });

    expect(ofChange.verdicts).toMatchObject([{ verdict: 'changed', version: 3, path: 'secret/data/app/db' }]);
    expect(ofRead.verdicts).toMatchObject([{ verdict: 'ignored', reason: 'ReadOnly' }]);
  });
});

describe('OTLP', () => {
  test('holds one entry of two in a list of records', () => {
    const body = logRecords({ body: otlp(read) }).replace(
      '"logRecords":[',
      `"logRecords":[{"body":${json(otlp(entry))}},`,
    );

    const { verdicts } = readAll([body], { prefilter: true });

    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['changed', 'ignored']);
  });

  test('that nests without end is no entry', () => {
    const depth = 50_000;
    const nested = `${'{"kvlistValue":{"values":[{"key":"a","value":'.repeat(depth)}{}${'}]}}'.repeat(depth)}`;

    const { verdicts } = readAll([`{"body":${nested}}\n${line}\n`], { prefilter: true, maxRecordBytes: 32_000_000 });

    expect(verdicts.map(({ reason }) => reason)).toEqual(['NotAnEntry', 'SecretChanged']);
  });

  test('is not taken for what Kafka writes, keys and values, too', () => {
    const { verdicts } = readAll([
      json({
        records: [
          { key: 'a', value: entry },
          { key: 'b', value: entry },
        ],
      }),
    ]);

    expect(verdicts.map(({ verdict }) => verdict)).toEqual(['changed', 'changed']);
  });
});
