/**
 * What AWS asks, and how long a call takes: all that a bill rests on beside what is counted. List prices in US dollars, us-east-1, without
 * the free tier and without tax, as the pages that are named had them in January 2025; times are this project's own, each with its origin.
 */

export const pricedOn = '2025-01'

export const prices = {
  /** aws.amazon.com/lambda/pricing, arm64, first tier. */
  lambdaGbSecond: 0.0000133334,
  lambdaRequest: 0.2 / 1e6,
  /** aws.amazon.com/dynamodb/pricing/on-demand, standard table class. A strongly consistent read of 4 kB is one unit. */
  readUnit: 0.125 / 1e6,
  writeUnit: 0.625 / 1e6,
  storageGbMonth: 0.25,
  recoveryGbMonth: 0.2,
  /** aws.amazon.com/sqs/pricing, FIFO, first tier; a request is up to 64 kB. */
  sqsRequest: 0.5 / 1e6,
  /** aws.amazon.com/cloudwatch/pricing: logs taken in, custom metrics, alarms, a dashboard beyond the first three. */
  logsGb: 0.5,
  metricMonth: 0.3,
  alarmMonth: 0.1,
  dashboardMonth: 3,
  /** aws.amazon.com/secrets-manager/pricing. */
  secretMonth: 0.4,
} as const

/** Lambda asks a queue for messages by so many long polls at once, each of 20 s, when there are none (Lambda's guide, “SQS polling”). */
export const pollers = { atOnce: 5, seconds: 20 } as const

/** Bytes of a call's log lines, with Lambda's own three and what it measures. */
export const logBytes = 1500

/** Memory in GB as in serverless.yml; seconds of a call. */
export const calls = {
  /** 6 ms a host: a listing of 10,000 takes CloudStack about a minute (docs/cloudstack-api.md). */
  snapshot: { memory: 0.5, seconds: (hosts: number) => 0.3 + hosts * 0.006 },
  /** Reads a zone's records, a megabyte a second and more from DynamoDB. */
  diff: { memory: 0.5, seconds: (hosts: number) => 0.2 + hosts * 0.0008 },
  /** An SSH login and one command (docs/proofs.md), and the report. */
  provisionKvm: { memory: 0.5, seconds: () => 0.6 },
} as const
export type Called = keyof typeof calls
