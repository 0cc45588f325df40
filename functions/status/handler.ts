/** Asked over HTTP by whoever may call it, which its address checks. Out: the status page of a cloud; it reads, and writes nothing. */
import { readStanding } from '../../shared/flow/standing.ts'
import { readStatus } from '../../shared/flow/status.ts'
import { answerPage } from '../../shared/page/answer.ts'
import { httpLambda } from '../../shared/runtime/lambda.ts'

export const create = httpLambda('status', (runtimes) => {
  const read = async (cloud: string) => {
    const { ports, policy } = runtimes.of(cloud)
    const status = await readStatus(ports, policy, {}, false)
    return { status, standing: await readStanding(ports.store, cloud, status.control, ports.now()) }
  }
  return (request) => answerPage(request, { clouds: runtimes.clouds, read }, Date.now())
})

export const handler = create(process.env)
