import { defineConfig } from 'vitest/config';

/** `unit` needs nothing but Node; `integration` boots real machines, one file at a time; `e2e` drives the page in Chromium. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'app/**/*.test.ts',
            'main/**/*.test.ts',
            'renderer/**/*.test.ts',
            'test/{layering,runner,theme}/**/*.test.ts',
          ],
          // What is waited for is never time; on a starved computer even reading all sources takes more than vitest's five seconds.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/{integration,openai}/**/*.test.ts'],
          fileParallelism: false,
          // Machines and browsers share a computer with who knows what: one that was starved is asked again.
          retry: 2,
          testTimeout: 120_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          retry: 2,
          testTimeout: 40_000,
          hookTimeout: 300_000,
          expect: { poll: { timeout: 15_000 } },
        },
      },
    ],
  },
});
