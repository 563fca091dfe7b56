/** What the client cannot do without and this browser lacks. Whatever has these has the rest. */
export function findMissingFeatures (): string[] {
  const lacks = ['HTMLDialogElement', 'BroadcastChannel'].filter(name => !(name in window))
  return 'adoptedStyleSheets' in document ? lacks : [...lacks, 'adoptedStyleSheets']
}
