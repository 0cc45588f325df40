/** The order that people look for names in: kvm2 before kvm10. */
export const compareNames = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
