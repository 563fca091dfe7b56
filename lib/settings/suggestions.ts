/** What a name was probably meant to be: the nearest of those that there are, within two typing errors. */
export function suggest (name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let least = 3
  for (const one of known) {
    const distance = distanceBetween(plain(name), plain(one))
    if (distance < least) [nearest, least] = [one, distance]
  }
  return nearest
}

/** ` Did you mean idleTimeout?`, or nothing. */
export function didYouMean (name: string, known: Iterable<string>): string {
  const meant = suggest(name, known)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
}

function plain (name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, '')
}

/** Levenshtein's. */
function distanceBetween (one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1]
    for (let index = 0; index < other.length; index++) {
      const replaced = row[index]! + (one[at] === other[index] ? 0 : 1)
      next.push(Math.min(replaced, row[index + 1]! + 1, next[index]! + 1))
    }
    row = next
  }
  return row[other.length]!
}
