/** A goroutine of a dump: `/debug/pprof/goroutine?debug=2`, or the text of a crash. */
export interface DumpedGoroutine {
  id: number;
  /** `IO wait`, `running`, `chan receive`; without what stands beside it, such as `(leaked)`. */
  reason: string;
  /** What the header adds: minutes, a locked thread, leaked, the goroutine's tags. */
  remarks: string;
  /** Names of functions, leaf first; the runtime's own are not in a dump. */
  names: string[];
}

/**
 * Reads a goroutine dump. How long goroutines have waited is left in the remarks: it is set only by
 * the collector and says nothing in a short run.
 */
export function parseGoroutineDump(text: string): DumpedGoroutine[] {
  return text.split(/\n\n+/).flatMap((block): DumpedGoroutine[] => {
    const [header = '', ...lines] = block.trim().split('\n');
    const found = /^goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^\],]*)(.*)\]:$/.exec(header);
    if (found === null) {
      return [];
    }
    const [, id, state = '', remarks = ''] = found;
    const names = lines
      .filter((line) => !line.startsWith('\t') && !line.startsWith('created by '))
      .map((line) => line.replace(/\((?:[^()]|\{[^}]*\})*\)$/, ''));
    const reason = state.replace(/ \((?:scan|leaked)\)/g, '');
    const beside = [...state.matchAll(/\((?:scan|leaked)\)/g)].map(([word]) => word).join(' ');
    return [{ id: Number(id), reason, remarks: `${beside}${remarks}`.trim(), names }];
  });
}
