/**
 * The cloud that was captured, behind a wire in memory: what a running server answered to the questions of one tick. In: a way
 * to change an answer. Out: an Http for the client, on which nothing is asked of a network.
 */
import type { Http } from '../../shared/cloudstack/http.ts'
import { captureBody, captures, captureText } from './fixtures.ts'

export interface Told {
  readonly status: number
  readonly body: Uint8Array
}

const plain: Readonly<Record<string, string>> = {
  listHosts: 'listHosts.routing.all-up.json',
  listEvents: 'listEvents.all.json',
  listZones: 'listZones.json',
  listPhysicalNetworks: 'listPhysicalNetworks.json',
  listNetworkOfferings: 'listNetworkOfferings.json',
}

/** @returns the text of the whole answer */
function capturedAnswer(command: string, parameters: URLSearchParams): string {
  const physicalNetwork = parameters.get('physicalnetworkid')
  if (command === 'listTrafficTypes') {
    const found = captures.find((one) => one.command === command && one.params.physicalnetworkid === physicalNetwork)
    return captureText(found?.file ?? 'none')
  }
  if (command !== 'listNetworks') return captureText(plain[command] ?? 'none')
  const file = parameters.has('projectid') ? 'listNetworks.projectid-minus1.json' : 'listNetworks.listall.json'
  const { network } = captureBody(file)
  const offering = parameters.get('networkofferingid')
  const rows = (Array.isArray(network) ? network : []).filter((row) => row.networkofferingid === offering)
  return JSON.stringify({ listnetworksresponse: rows.length === 0 ? {} : { count: rows.length, network: rows } })
}

/** @param told changes what is told to a question, which is its command and what tells it from others */
export function capturedCloud(told: (question: string, text: string) => Told): Http {
  return {
    post: async (form) => {
      const parameters = new URLSearchParams(form)
      const question = questionOf(parameters)
      const known = answers.get(question) ?? capturedAnswer(parameters.get('command') ?? '', parameters)
      answers.set(question, known)
      return { retryAfter: undefined, location: undefined, date: undefined, ...told(question, known) }
    },
    renew: () => {},
  }
}

const answers = new Map<string, string>()
const telling = ['command', 'physicalnetworkid', 'networkofferingid', 'projectid']
const questionOf = (parameters: URLSearchParams): string =>
  telling.flatMap((name) => parameters.get(name) ?? []).join(' ')
