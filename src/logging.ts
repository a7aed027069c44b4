import { type DestinationStream, type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';
import { SyncError } from './errors.ts';

export type { Logger } from 'pino';

type LogMethod = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/**
 * What is logged of an error. A whitelist: vendors hang requests, headers and bodies on their errors, and those hold
 * tokens and values. The message of an error that is not ours is left out for the same reason.
 */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const described: Record<string, unknown> = { type: error.name, stack: framesOf(error) };
  if (error instanceof SyncError) {
    described['message'] = error.message;
    described['remedy'] = error.remedy;
    described['reason'] = error.reason;
    if (error.code !== undefined) described['code'] = error.code;
  } else {
    const code = (error as { code?: unknown }).code;
    if (typeof code === 'string' || typeof code === 'number') described['code'] = code;
  }
  if (error.cause !== undefined) described['cause'] = describeError(error.cause);
  return described;
}

/** The frames of a stack without its first lines: those repeat the message. */
function framesOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return frames.slice(0, 12).join('\n');
}

const hiddenKeys = ['value', 'token', 'accessor', 'secret', 'secretId', 'password', 'data', 'authorization'];

/** A JSON logger on standard error, so that standard output stays free for what a command prints. */
export function createLogger(options: {
  /** The least severe lines to log; a function, where that changes while the process runs. */
  level: LogLevel | (() => LogLevel);
  destination?: DestinationStream;
}): Logger {
  const { level: given } = options;
  return pino(
    {
      ...(typeof given === 'function' ? { level: 'debug', hooks: { logMethod: atLeast(given) } } : { level: given }),
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError, cause: describeError },
      redact: { paths: hiddenKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[hidden]' },
    },
    options.destination ?? pino.destination({ fd: 2, sync: true }),
  );
}

/** Lets through what is as severe as it must be just now, in the logger and all that descend from it. */
function atLeast(least: () => LogLevel): LogMethod {
  return function logWhatMatters(args, log, level) {
    // `silent` is infinitely severe.
    if (level >= (pino.levels.values[least()] ?? 0)) log.apply(this, args);
  };
}
