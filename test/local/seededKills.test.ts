import { expect, it } from 'vitest'
import { playSeed } from './seededKill.ts'

/** `npm run simulate:embedded -- --seeds 20` plays more of them. */
it('three seeded kills on the embedded parts: every host converges, and nothing runs twice at once', async () => {
  const rounds = await Promise.all([3, 4, 5].map(playSeed))
  expect(rounds.filter((round) => round.wrong !== undefined)).toEqual([])
}, 180_000)
