import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diagScript } from '../capture/diag/script.ts';
import { Netprobe, type NetprobeWatch } from '../capture/netprobe.ts';
import { NetprobeResult } from '../capture/netprobe-result.ts';
import { Child, endedEarly } from '../lib/child.ts';
import { ownValue, readJson } from '../lib/json.ts';
import type { WatchEntry } from './result.ts';
import type { Tool } from './tools.ts';

/** Something that watches a server and is then taken away again. */
export interface Watch {
  entry: WatchEntry;
  /** Returns when it is in place, its window not open yet. */
  attach(pid: number, dir: string): Promise<Attached>;
}

export interface Attached {
  /** Opens the window, where it has one. */
  begin(): Promise<void>;
  /**
   * Closes it and takes everything away.
   * @returns what it says itself that it took, as in `estimatedRatio` of the result
   */
  end(): Promise<number | null>;
  /** Ends it at once; does nothing after its end. */
  stop(): Promise<void>;
}

/** Room for descriptors, sockets and goroutines; 64 connections need little. */
const mapEntries = 65_536;
/** bcc compiles its program before it says anything. */
const toolReadyMs = 30_000;
const toolStopMs = 5_000;
const target = 'server';

/** Watches nothing: what remains between its two windows is what the machine does alone. */
export const nothing: Watch = {
  entry: { id: 'nothing', kind: 'nothing', how: 'two windows without anything', missing: '' },
  attach: async () => ({
    begin: async () => {},
    end: async () => null,
    stop: async () => {},
  }),
};

/** @param command netprobe, behind sudo where that is needed */
export function netprobeWatch(
  entry: Omit<WatchEntry, 'missing'>,
  watch: NetprobeWatch,
  command: readonly string[],
): Watch {
  return {
    entry: { ...entry, missing: '' },
    attach: async (pid, dir) => {
      const outFile = join(dir, 'netprobe.json');
      const targets = { [target]: pid };
      const netprobe = await Netprobe.attach({ command, targets, watch, mapEntries, outFile });
      return {
        begin: () => netprobe.begin(),
        end: async () => {
          await netprobe.end();
          return readEstimate(outFile);
        },
        stop: async () => {
          await netprobe.child.stop(1_000);
        },
      };
    },
  };
}

async function readEstimate(outFile: string): Promise<number | null> {
  const result = await readJson(outFile, NetprobeResult, { remedy: 'npm run doctor' });
  const cost = ownValue(result.targets, target)?.cost;
  return cost?.estimatedNs == null ? null : estimatedRatio(cost.cpuNs, cost.estimatedNs);
}

/** The estimated share of what the process would have used alone; null where that is nothing. */
export function estimatedRatio(cpuNs: number, estimatedNs: number): number | null {
  return cpuNs > estimatedNs ? estimatedNs / (cpuNs - estimatedNs) : null;
}

const diagSeconds = 10;
/** A diagnosis takes a little longer than its window: attaching, and the profiles at both ends. */
const diagWindowMs = 12_000;

/** `bpf/go-io-diag.sh`, as `npm run diag` calls it: probes, profiles and an execution trace. */
export function diagWatch(command: readonly string[]): Watch {
  const how = `npm run diag -- --seconds ${diagSeconds}: netprobe’s kernel set throughout, Go’s scheduler probes and the trace for 2 s, profiles`;
  return {
    entry: { id: 'diag', kind: 'diag', how, windowMs: diagWindowMs, missing: '' },
    attach: async (pid, dir) => {
      let child: Child | undefined;
      return {
        begin: async () => {
          const out = join(dir, 'diag');
          await rm(out, { recursive: true, force: true });
          const words = ['--pid', `${pid}`, '--seconds', `${diagSeconds}`, '--out', out];
          child = await Child.start({
            label: 'go-io-diag.sh',
            lines: false,
            command: [
              ...['sh', diagScript, '--no-summary', '--netprobe', command.join('\n')],
              ...words,
            ],
          });
        },
        end: async () => {
          // Each of its stages has a time limit of its own.
          if (child !== undefined && (await child.exited).code !== 0) {
            throw await endedEarly(child);
          }
          return null;
        },
        stop: async () => {
          await child?.stop(5_000);
        },
      };
    },
  };
}

export function toolWatch(tool: Tool, missing: string): Watch {
  return {
    entry: { id: tool.id, kind: 'tool', how: tool.how, missing },
    attach: async (pid) => {
      const child = await Child.start({
        label: tool.id,
        // Its own way of buffering, and that of Python, would keep its first line back.
        command: ['env', 'PYTHONUNBUFFERED=1', tool.program, ...tool.args(pid)],
        lines: true,
      });
      try {
        if ((await child.nextLine(toolReadyMs)) === undefined) {
          throw await endedEarly(child);
        }
      } catch (error) {
        await child.stop(0);
        throw error;
      }
      return {
        begin: async () => {},
        end: async () => {
          if (child.hasExited) {
            throw await endedEarly(child);
          }
          await child.stop(toolStopMs);
          return null;
        },
        stop: async () => {
          await child.stop(0);
        },
      };
    },
  };
}
