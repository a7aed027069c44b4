/** Loaded before the program (`--import`): the clock that it looks at is off by `CHAOS_CLOCK_OFF_MS` milliseconds. */
const offMs = Number(process.env['CHAOS_CLOCK_OFF_MS'] ?? 0);
const TrueDate = Date;
const now = () => TrueDate.now() + offMs;

globalThis.Date = new Proxy(TrueDate, {
  construct: (target, given, newTarget) => Reflect.construct(target, given.length === 0 ? [now()] : given, newTarget),
  apply: () => new TrueDate(now()).toString(),
  get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
});
