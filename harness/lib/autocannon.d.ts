/** The part of autocannon 9 that the project uses; the package brings no types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  interface Options {
    url: string;
    method: string;
    headers?: Record<string, string>;
    body?: string;
    connections: number;
    /** Seconds. */
    duration: number;
    /** Seconds. */
    timeout: number;
    /** Requests per second over all connections; see docs/load-accuracy.md for how it sends them. */
    overallRate?: number;
    ignoreCoordinatedOmission?: boolean;
  }
  interface Result {
    errors: number;
    timeouts: number;
    non2xx: number;
    /** Responses by class, from 1xx to 5xx. */
    '2xx': number;
  }
  /** Emits `response` (client, status, bytes, milliseconds as a float) per reply. */
  interface Instance extends EventEmitter, PromiseLike<Result> {}

  export default function autocannon(options: Options): Instance;
}
