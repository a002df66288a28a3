import { infrastructureError, messageOf } from '../lib/errors.ts';

const maxCompressedBytes = 64 * 1024 * 1024;
const graceMs = 5_000;

/**
 * Fetches a profile (`profile?seconds=2`, `goroutine`) or an execution trace (`trace?seconds=2`)
 * from a net/http/pprof endpoint, bounded in time and size. The connection is closed afterwards:
 * a kept-alive one would stand in the server's descriptor balance.
 * @throws PollgateError (infrastructure) for anything but a 200 with a body within the limits
 */
export async function fetchPprof(
  baseUrl: string,
  query: string,
  durationMs: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const url = new URL(query, baseUrl);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(durationMs + graceMs)]);
  try {
    const response = await fetch(url, { headers: { connection: 'close' }, signal: limit });
    if (!response.ok || response.body === null) {
      throw new Error(`answered ${response.status} ${response.statusText}`);
    }
    return await readBounded(response.body);
  } catch (cause) {
    throw infrastructureError(
      `${url} gave no profile: ${messageOf(cause)}`,
      `curl -sS ${JSON.stringify(url.href)} -o /dev/null -w '%{http_code}\\n'`,
      cause,
    );
  }
}

async function readBounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxCompressedBytes) {
      throw new Error(`more than ${maxCompressedBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
