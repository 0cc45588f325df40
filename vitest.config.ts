/**
 * Projects: `fast` runs anywhere; `dynamodb-local` needs Java and `npm run parts`; `xapi-python`, `cs`, `cfn-lint` and `deploy` Python and the same; `vcenter` Go and the same; `tls` needs openssl; `agent` needs openssl and systemd; `uml` needs guests, and runs inside the private namespace that test/run.ts makes
 * (`npm test` decides), and so does `open-vswitch`, which needs its programs too. Files of `uml` come after the others, since each boots machines, and
 * two at a time: a guest has one processor. Two workers, for two cores. `bench` needs guests too, and comes last and alone, since it measures.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [
            'test/bed/**',
            'test/agent/real/**',
            'test/cloudstack/real/**',
            'test/openVswitch/**',
            'test/conformance/**',
            'test/vcenter/**',
            'test/deploy/**',
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'dynamodb-local',
          include: ['test/conformance/dynamodbLocal.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: 'cs',
          include: ['test/conformance/cs.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cfn-lint',
          include: ['test/conformance/cfnLint.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'deploy',
          include: ['test/deploy/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: 'tls',
          include: ['test/cloudstack/real/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'xapi-python',
          include: ['test/conformance/xapiPython.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'vcenter',
          include: ['test/vcenter/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'agent',
          include: ['test/agent/real/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'uml',
          include: ['test/bed/**/*.test.ts'],
          exclude: ['test/bed/bench.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'bench',
          include: ['test/bed/bench.test.ts'],
          retry: 2, // Whatever else a machine does in that moment is measured too: only what is so each time is so.
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'open-vswitch',
          include: ['test/openVswitch/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
