import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['harness/**/*.test.ts'],
          exclude: ['harness/test/**/*.e2e.test.ts'],
          // Many of them wait for a process; a worker for each file would load the harness 160 times.
          isolate: false,
          maxWorkers: 4,
          testTimeout: 60_000,
        },
      },
      // Real runs share two cores, so that they go one after the other; a diagnosis mostly waits.
      endToEnd('e2e', 'harness/test/!(diag*).e2e.test.ts'),
      endToEnd('e2e-diag', 'harness/test/diag*.e2e.test.ts'),
    ],
  },
});

function endToEnd(name: string, include: string) {
  return {
    test: {
      name,
      include: [include],
      fileParallelism: false,
      testTimeout: 180_000,
      hookTimeout: 180_000,
    },
  };
}
