/** Lets a test hold a call at a named gate and open it; a gate that was opened stays open. */
const gates = new Map<string, PromiseWithResolvers<void>>()

const gate = (name: string): PromiseWithResolvers<void> => {
  const known = gates.get(name) ?? Promise.withResolvers<void>()
  gates.set(name, known)
  return known
}

export const passed = (name: string): Promise<void> => gate(name).promise
export const open = (name: string): void => gate(name).resolve()
