/**
 * What happens to hosts in the story, each the way an operator knows it. In: the stage. Out: done, once CloudStack shows
 * the host Up and Enabled again; what it lacks then is Bridgekeeper's to find.
 */
import { lateHost, networkName, scene, uplink } from './scene.ts'
import type { Stage } from './stage.ts'
import { pairOf } from './witness.ts'

export interface StoryEvent {
  readonly host: string
  readonly title: string
  happen(stage: Stage): Promise<void>
}

export const events: readonly StoryEvent[] = [
  {
    host: lateHost,
    title: 'joins late: the networks are older than the host',
    happen: async ({ cloudstack, host }) => {
      await cloudstack.cloud.addHost({ name: lateHost, address: host(lateHost).address, cluster: 'n1' })
    },
  },
  {
    host: 'kvm1',
    title: 'is rebooted: its bridges and VLANs are gone',
    happen: async ({ cloudstack: { cloud }, host }) => {
      cloud.disconnect('kvm1')
      await host('kvm1').reboot()
      await cloud.connect('kvm1')
    },
  },
  {
    host: 'kvm2',
    title: 'returns from maintenance, in which it lost a network',
    happen: async ({ cloudstack: { cloud }, host }) => {
      await cloud.enterMaintenance('kvm2')
      await host('kvm2').deleteByHand(pairOf(uplink, 103).bridge)
      cloud.cancelMaintenance('kvm2')
    },
  },
  {
    host: 'kvm3',
    title: 'has a bridge deleted by hand: CloudStack never notices',
    happen: async ({ host }) => {
      await host('kvm3').deleteByHand(pairOf(uplink, 101).bridge)
      await host('kvm3').deleteByHand(pairOf(uplink, 102).device)
    },
  },
  {
    host: 'kvm5',
    title: 'is enabled again: two networks were made while it was disabled',
    happen: async ({ cloudstack: { cloud } }) => {
      await cloud.disable('kvm5')
      for (const { zone, later } of scene) {
        for (const vlan of later) {
          await cloud.createNetwork({
            name: networkName(zone, vlan),
            zone,
            offering: 'l2-persistent-vlan',
            vlan: String(vlan),
          })
        }
      }
      await cloud.enable('kvm5')
    },
  },
]
