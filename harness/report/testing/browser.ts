import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A browser on this machine; null where there is none. */
export const browserCommand: string | null =
  names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null;

/** A page in a browser without a window, talked to by the DevTools protocol. */
export class BrowserPage {
  private readonly child: ChildProcess;
  private readonly socket: WebSocket;
  private readonly profileDir: string;
  private readonly answers = new Map<number, (message: Answer) => void>();
  private session = '';
  private sent = 0;

  private constructor(child: ChildProcess, socket: WebSocket, profileDir: string) {
    this.child = child;
    this.socket = socket;
    this.profileDir = profileDir;
    socket.addEventListener('message', ({ data }) => {
      const message = JSON.parse(String(data)) as Answer;
      this.answers.get(message.id)?.(message);
    });
  }

  /** Opens a file and waits until its scripts have run. */
  static async open(command: string, path: string, width: number, height: number) {
    const profileDir = mkdtempSync(join(tmpdir(), 'pollgate-browser-'));
    const child = spawn(
      command,
      [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'],
        ...[`--user-data-dir=${profileDir}`, `--window-size=${width},${height}`, 'about:blank'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    try {
      const socket = new WebSocket(await endpointOf(child));
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve);
        socket.addEventListener('error', reject);
      });
      const page = new BrowserPage(child, socket, profileDir);
      await page.load(pathToFileURL(path).href);
      return page;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private async load(url: string): Promise<void> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    this.session = String(sessionId);
    await this.send('Page.navigate', { url });
    await this.run(
      `new Promise((resolve) => document.readyState === 'complete' ? resolve() : addEventListener('load', resolve))`,
    );
    // What the page draws when it is resized is drawn by the second frame.
    await this.run(
      `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`,
    );
  }

  /** The value of an expression in the page; promises are awaited. */
  async run(expression: string): Promise<unknown> {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', options);
    if (exceptionDetails !== undefined) {
      throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    }
    return (result as { value?: unknown }).value;
  }

  async mouse(type: 'mouseMoved' | 'mousePressed' | 'mouseReleased', x: number, y: number) {
    const button = type === 'mouseMoved' ? 'none' : 'left';
    await this.send('Input.dispatchMouseEvent', { type, x, y, button, clickCount: 1 });
  }

  async key(key: string): Promise<void> {
    await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key });
  }

  async close(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.socket.close();
    this.child.kill('SIGKILL');
    await gone;
    rmSync(this.profileDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  private async send(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.sent;
    const answer = new Promise<Answer>((resolve) => this.answers.set(id, resolve));
    const session = this.session === '' ? {} : { sessionId: this.session };
    this.socket.send(JSON.stringify({ id, method, params, ...session }));
    const { result, error } = await answer;
    this.answers.delete(id);
    if (result === undefined) {
      throw new Error(`${method}: ${JSON.stringify(error)}`);
    }
    return result;
  }
}

interface Answer {
  id: number;
  result?: Record<string, unknown>;
  error?: unknown;
}

/** Where the browser listens; it says so on its standard error. */
function endpointOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (chunk) => {
      text += String(chunk);
      const url = /DevTools listening on (\S+)/.exec(text)?.[1];
      if (url !== undefined) {
        resolve(url);
      }
    });
    child.once('exit', () => reject(new Error(`the browser ended: ${text}`)));
  });
}
