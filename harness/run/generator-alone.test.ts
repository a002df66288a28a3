import { expect, test } from 'vitest';
import { runGenerator } from './generator-alone.ts';

test.for([0, 2, 3, 130])('exit code %i stays', async (code) => {
  expect(await runGenerator('/bin/sh', ['-c', `exit ${code}`])).toBe(code);
});

test.for([
  ['/bin/sh', 'exit 1', 'ended with exit code 1'],
  ['/bin/sh', 'kill -KILL $$', 'was killed by SIGKILL'],
  ['/no/such/generator', '', 'could not be started'],
] as const)('%s -c "%s" is infrastructure: it %s', async ([binary, words, how]) => {
  await expect(runGenerator(binary, ['-c', words])).rejects.toMatchObject({
    name: 'PollgateError',
    exitCode: 4,
    message: expect.stringContaining(how),
  });
});
