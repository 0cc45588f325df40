/**
 * No window of any length holds more requests to one CloudStack than rate × its seconds + burst (DESIGN 21), whoever sent
 * them, judged as each one goes. In: requests. Out: a violation, with the function whose request was one too many.
 *
 * A bucket that leaks `rate` a second and holds `burst` runs over exactly when some window holds too many: it is said
 * without a time stamp and without payments, so that it is not the product's own sum. Where clocks differ by up to twice
 * `skew`, one window holds the slots of a longer one, and a tick may still spend what it paid for when the next has begun.
 */
import type { Call } from '../call.ts'
import type { Watch } from '../watch.ts'
import type { Known } from './facts.ts'

/** As configured by default. */
const ordinary = { rate: 10, burst: 100 }

export function rate({ scheduler, settings, skew, violate }: Known): Watch {
  const perSecond = Number(settings.BRIDGEKEEPER_CLOUDSTACK_RATE ?? ordinary.rate)
  const burst = Number(settings.BRIDGEKEEPER_CLOUDSTACK_BURST ?? ordinary.burst)
  const holds = burst + (skew === 0 ? 0 : (perSecond * 2 * skew) / 1000 + burst / 4)
  const buckets = new Map<string, { readonly level: number; readonly at: number }>()
  return {
    asked: ({ cloud, name }: Call) => {
      const at = scheduler.now()
      const before = buckets.get(cloud) ?? { level: 0, at }
      const level = Math.max(0, before.level - ((at - before.at) * perSecond) / 1000) + 1
      buckets.set(cloud, { level, at })
      if (level > holds + 0.001) {
        violate(
          `${name} asks CloudStack although all together sent more than ${perSecond} a second and ${burst} at once`,
        )
      }
    },
  }
}
