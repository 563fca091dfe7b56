import t from 'tap'
import { runSession } from '../../client/session/run.js'
import { explore } from './search/explore.js'
import type { Start } from './search/world.js'

/** How many deeds follow on each other. Five take half an hour: CLIENT_DEPTH=5. */
const depth = Number(process.env.CLIENT_DEPTH ?? 3)

const pairs: Start[][] = [['fresh', 'fresh'], ['shell', 'worked'], ['copied', 'unclaimed']]

for (const pages of pairs) {
  t.test(`whatever two pages hear, in whatever order, what must hold does: ${pages.join(' and ')}`, async t => {
    t.setTimeout(3_600_000)
    const { wrongs, ways, states } = await explore(runSession, pages, { depth, mergeFrom: 2 })
    t.comment(`${ways} ways of up to ${depth} deeds, ${states} states`)
    t.same([...wrongs].map(([wrong, way]) => `${wrong}: ${way}`), [])
  })
}
