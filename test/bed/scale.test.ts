/** Many networks on real hosts: the short form of `npm run scale`. */
import { expect, it } from 'vitest'
import { type Step, scaleVlan, scaleVxlan } from '../scale/scaleKvm.ts'

async function stepsOf(scale: (networks: number, done: (step: Step) => void) => Promise<void>, networks: number) {
  const steps: Step[] = []
  await scale(networks, (step) => steps.push(step))
  return steps
}

it('makes 150 VLAN networks on a guest in one run, and finds them all right in the next', async () => {
  const steps = await stepsOf(scaleVlan, 150)
  expect(steps.flatMap(({ wrong }) => wrong)).toEqual([])
  expect(steps.map(({ step, pairs, created }) => [step, pairs, created])).toEqual([
    ['create', 150, 300],
    ['again', 150, 0],
  ])
})

it('makes 20 of 300 VXLAN networks where the kernel’s limit was not raised, and the rest once what it says is set', async () => {
  const steps = await stepsOf(scaleVxlan, 300)
  expect(steps.flatMap(({ wrong }) => wrong)).toEqual([])
  expect(steps.map(({ step, pairs, created }) => [step, pairs, created])).toEqual([
    ['limits not raised', 20, 40],
    ['limits raised', 300, 560],
    ['again', 300, 0],
  ])
  expect(steps[0]?.settings).toContain('net.ipv4.igmp_max_memberships=300')
})
