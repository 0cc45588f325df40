import { defineConfig } from 'vitest/config'

/** Test beds are projects: `npm test` runs those whose parts this machine has, and says which it did not run. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'fast', include: ['test/**/*.test.ts'], exclude: ['test/bed/**'], testTimeout: 30_000, hookTimeout: 60_000 } },
      { test: { name: 'uml', include: ['test/bed/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 180_000, fileParallelism: false } },
    ],
  },
})
