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
  let row = Array.from(other, (_, index) => index + 1)
  let distance = other.length
  for (const [at, letter] of [...one].entries()) {
    let before = at
    distance = at + 1
    row = row.map((above, index) => {
      const replaced = before + (letter === other[index] ? 0 : 1)
      before = above
      distance = Math.min(replaced, above + 1, distance + 1)
      return distance
    })
  }
  return distance
}
