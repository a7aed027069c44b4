/** What V8's CPU profiler writes (`*.cpuprofile`), as far as it is used here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds from each sample to the next. */
  readonly timeDeltas: readonly number[];
}

/** A function on the stack of its callers, and the time with it on top or below others. */
interface Frame {
  readonly name: string;
  /** Microseconds. */
  time: number;
  readonly callees: Map<string, Frame>;
}

const width = 1200;
const rowHeight = 17;
/** Frames narrower than this could not be seen. Pixels. */
const narrowest = 0.3;
/** Of the letters, in pixels. */
const letterWidth = 6.6;

/** Draws a CPU profile as a flame graph: callers below, as wide as the time they took. Time without work is left out. */
export function flameGraph(profile: CpuProfile): string {
  const root = stackUp(profile);
  const drawn: string[] = [];
  let depth = 0;
  const draw = (frame: Frame, left: number, level: number): void => {
    const wide = (frame.time / root.time) * width;
    if (wide < narrowest) return;
    depth = Math.max(depth, level);
    drawn.push(boxOf(frame, { left, level, wide, share: frame.time / root.time }));
    let at = left;
    for (const callee of [...frame.callees.values()].sort((one, other) => other.time - one.time)) {
      draw(callee, at, level + 1);
      at += (callee.time / root.time) * width;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 1) * rowHeight;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="monospace" font-size="11">`,
    `<g transform="translate(0 ${height})">`,
    ...drawn,
    '</g></svg>\n',
  ].join('\n');
}

function stackUp({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const root: Frame = { name: 'all', time: 0, callees: new Map() };
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const frames = new Map<number, Frame[]>();
  const framesOf = (id: number): Frame[] => {
    const known = frames.get(id);
    if (known) return known;
    const parent = parents.get(id);
    const below = parent === undefined ? [root] : framesOf(parent);
    const name = names.get(id) ?? '';
    const caller = below.at(-1) ?? root;
    const frame = parent === undefined ? root : (caller.callees.get(name) ?? { name, time: 0, callees: new Map() });
    if (frame !== root) caller.callees.set(name, frame);
    const stack = frame === root ? [root] : [...below, frame];
    frames.set(id, stack);
    return stack;
  };
  for (const [index, id] of samples.entries()) {
    if (names.get(id) === '(idle)') continue;
    for (const frame of framesOf(id)) frame.time += timeDeltas[index] ?? 0;
  }
  return root;
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.split('/').at(-1) ?? '';
  const name = functionName || '(anonymous)';
  return file === '' ? name : `${name} ${file}:${lineNumber + 1}`;
}

function boxOf(
  { name, time }: Frame,
  { left, level, wide, share }: { left: number; level: number; wide: number; share: number },
): string {
  const top = -(level + 1) * rowHeight;
  const text = wide > 5 * letterWidth ? escaped(name.slice(0, Math.floor(wide / letterWidth))) : '';
  const hue = 20 + ([...name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 35);
  const told = `${escaped(name)}: ${(time / 1000).toFixed(1)} ms, ${(share * 100).toFixed(1)} %`;
  const place = `x="${left.toFixed(2)}" y="${top}" width="${wide.toFixed(2)}" height="${rowHeight - 1}"`;
  const label = text === '' ? '' : `<text x="${(left + 2).toFixed(2)}" y="${top + 12}">${text}</text>`;
  return `<g><title>${told}</title><rect ${place} fill="hsl(${hue} 80% 68%)"/>${label}</g>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
