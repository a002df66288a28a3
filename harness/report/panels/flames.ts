import { type Flame, fewestRounds, flameConfidence } from '../../analyze/flames.ts';
import { formatInteger, formatShare, formatValue } from '../../lib/units.ts';
import {
  type Content,
  cell,
  code,
  type FlamePicture,
  left,
  type Panel,
  right,
  type Table,
  table,
} from '../content.ts';

const titles: Record<Flame['view'], string> = {
  cpu: 'CPU time',
  'off-cpu': 'Time off the CPU',
  goroutine: 'Goroutines',
  turn: 'From readiness to the handler',
  'cpu-difference': 'CPU time, difference',
};

const legends: Record<Flame['view'], string> = {
  cpu: 'Width: CPU time of a function and all that it calls, without the profiler’s own. Blue: the runtime; grey: the standard library and system calls; orange: the program.',
  'off-cpu':
    'Width: time that goroutines were blocked or in system calls, from the execution trace; the first row says for what. What the runtime keeps idle and the tracer’s own goroutines are left out.',
  goroutine:
    'Width: goroutines that stood there when the profile was taken, summed over the rounds; the first row says what they wait for.',
  turn: 'Width: time of all turns in the execution trace; a turn begins when the network makes a goroutine ready, and ends with its next wait at the same place. Event, goroutine, what it does: the netpoller runs on a thread’s own stack and the handler on the goroutine’s, so no stack holds both, and the edge between them is drawn as the cause that it is.',
  'cpu-difference':
    'Width: CPU time of both variants together, without the profiler’s own. Orange: more than the reference; blue: less; grey: the interval of the difference per round holds zero, so that nothing is known.',
};

/** Most frames in the table of a difference. */
const mostRows = 20;

/** Where time goes, as trees of calls. */
export const flames: Panel = {
  id: 'flames',
  title: 'Flame graphs',
  content: ({ flames: found = [] }) => flamesContent(found),
};

/** Of a suite's variants, or of one process. */
export function flamesContent(found: readonly Flame[]): Content | null {
  if (found.length === 0) {
    return null;
  }
  return {
    lead: 'Each row is called by the row above it. Click a frame to make it as wide as the picture, and to read its source line; type to find functions. Arrow keys move between frames, Escape shows all again.',
    charts: [],
    flames: found.map(pictureOf),
    tables: [drawnTable(found), ...found.flatMap(differenceTable)],
  };
}

function titleOf({ view, variant, reference }: Flame): string {
  return reference === undefined
    ? `${titles[view]}: ${variant}`
    : `${titles[view]}: ${variant} against ${reference}`;
}

function pictureOf(flame: Flame, index: number): FlamePicture {
  const { view, variant, reference, unit, rounds, tree } = flame;
  const few =
    tree.difference !== undefined && rounds < fewestRounds
      ? ` With ${rounds} of at least ${fewestRounds} rounds no interval is formed, and all is grey.`
      : '';
  return {
    id: `flame-${index + 1}`,
    title: titleOf(flame),
    legend: `${legends[view]}${few} ${leftWords(flame)}`,
    unit,
    rounds,
    tree,
    ...(reference === undefined ? {} : { sides: [reference, variant] }),
  };
}

function leftWords({ tree }: Flame): string {
  return tree.left === 0
    ? 'Every frame is drawn.'
    : `${formatInteger(tree.left)} frames below ${(tree.belowShare * 100).toPrecision(2)} % of the whole are not drawn; their time is in the frames that call them.`;
}

function drawnTable(found: readonly Flame[]): Table {
  const rows = found.map((flame) => {
    const { tree, unit, rounds } = flame;
    const [whole = 0] = tree.value;
    const base = tree.difference?.base[0];
    const words = formatValue(whole, unit);
    return [
      cell(titleOf(flame)),
      cell(base === undefined ? words : `${words} against ${formatValue(base, unit)}`),
      cell(formatInteger(rounds)),
      cell(formatInteger(tree.depth.length)),
      cell(formatInteger(tree.left)),
      cell(tree.left === 0 ? '0 %' : `${(tree.belowShare * 100).toPrecision(2)} %`),
    ];
  });
  const columns = [
    ...[left('picture'), right('the whole'), right('rounds'), right('frames drawn')],
    ...[right('not drawn'), right('each below')],
  ];
  return table('What the flame graphs show', columns, rows, { folded: true });
}

/** Frames that differ, the largest difference first; the twin of a picture’s colours. */
function differenceTable(flame: Flame): Table[] {
  const { tree, variant, reference = '', unit } = flame;
  const { difference } = tree;
  if (difference === undefined) {
    return [];
  }
  const rows = tree.depth
    .flatMap((_, node) => {
      const [base, head] = [difference.base[node] ?? 0, tree.value[node] ?? 0];
      return difference.sign[node] === 0 || node === 0 ? [] : [{ node, base, head }];
    })
    .sort((a, b) => Math.abs(b.head - b.base) - Math.abs(a.head - a.base) || a.node - b.node);
  const cells = rows.slice(0, mostRows).map(({ node, base, head }) => [
    code(tree.names[tree.name[node] ?? 0] ?? ''),
    cell(formatValue(base, unit), { sub: formatShare(base, difference.base[0] ?? 0) }),
    cell(formatValue(head, unit), { sub: formatShare(head, tree.value[0] ?? 0) }),
    cell(`${head > base ? '+' : '−'}${formatValue(Math.abs(head - base), unit)}`, {
      sub: `per round ${signed(difference.lo[node] ?? 0, unit)} to ${signed(difference.hi[node] ?? 0, unit)}`,
    }),
  ]);
  const counted = tree.depth.length - 1;
  const notes = [
    `${formatInteger(rows.length)} of ${formatInteger(counted)} frames differ: the ${flameConfidence * 100} % interval of each one’s paired difference over ${formatInteger(flame.rounds)} rounds excludes zero, which chance alone does for about ${formatInteger(Math.ceil(counted * (1 - flameConfidence)))} of so many. The largest ${Math.min(mostRows, rows.length)} stand here; a frame is counted with all that it calls.`,
  ];
  const columns = [left('function'), right(reference), right(variant), right('difference')];
  return [
    table(`Where CPU time differs: ${variant} against ${reference}`, columns, cells, {
      notes,
      folded: true,
    }),
  ];
}

function signed(value: number, unit: Flame['unit']): string {
  return `${value < 0 ? '−' : '+'}${formatValue(Math.abs(value), unit)}`;
}
