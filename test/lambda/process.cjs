/*
 * A function as Lambda begins it: a new process, its module, its calls one after the other. In: the bundle's file, events as JSON. Out: after
 * "MEASURED " how long each step took and how long the processor worked for each call, in milliseconds, the most memory that it had in kB, and
 * what the calls returned.
 */
const begun = performance.now()
const [, , file, events] = process.argv
const { handler } = require(file)
const loaded = performance.now()
const context = { getRemainingTimeInMillis: () => 600_000 }

async function main() {
  const calls = []
  const processor = []
  const results = []
  for (const event of JSON.parse(events)) {
    const [from, before] = [performance.now(), process.cpuUsage()]
    results.push(await handler(event, context))
    calls.push(performance.now() - from)
    const { user, system } = process.cpuUsage(before)
    processor.push((user + system) / 1000)
  }
  const { maxRSS } = process.resourceUsage()
  process.stdout.write(
    `\nMEASURED ${JSON.stringify({ start: begun, load: loaded - begun, calls, processor, maxRSS, results })}\n`,
    () => process.exit(),
  )
}
main()
