import { readFile } from 'node:fs/promises'
import { build } from 'esbuild'
import t from 'tap'
import { root } from '../helpers/root.js'
import { explore } from './search/explore.js'
import type { RunSession, Start } from './search/world.js'

interface Breakage {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly sees: RegExp
  readonly pages?: Start[]
  readonly depth?: number
}

const fresh: Start[] = ['fresh', 'fresh']

/** What the search is there to notice: with each of these lines of the client, something must not hold. */
const breakages: Record<string, Breakage> = {
  'a page that is uncovered by whatever is answered': {
    file: 'session/run.ts', from: 'if (!active || !status.yours) {', to: 'if (!active) {', sees: /for another user|shown after the server has said no/
  },
  'a page that believes an answer from before it was covered': {
    file: 'session/run.ts', from: 'function doubtAgain (asking = true): void {\n    questions.forget()', to: 'function doubtAgain (asking = true): void {', sees: /older than the cover/
  },
  'a page that sleeps past its deadline and does not look at the clock': {
    file: 'session/run.ts', from: 'if (next !== session) become(next)', to: '', sees: /past its deadline/
  },
  'a page that shows itself past the deadline while the server is silent': {
    file: 'session/machine.ts', from: 'timeLeft(session) <= 0 || drift', to: 'drift', sees: /past its deadline/, pages: ['fresh', 'shell'], depth: 5
  },
  'a page that is left whatever is in it': {
    file: 'session/run.ts', from: "(stage === 'left' || !ports.isUnsaved())", to: 'true', sees: /left with unsaved work/
  },
  'an answer that leads to two questions': {
    file: 'session/run.ts', from: 'become(end(session))\n    if (everywhere', to: 'become(end(session))\n    questions.send(\'GET\')\n    questions.send(\'GET\')\n    if (everywhere', sees: /two requests because of one deed/
  },
  'a question that was forgotten after a failure, and that nobody asks again': {
    file: 'session/questions.ts', from: 'if (asking || (failures && timer)) return', to: 'if (asking || failures) return', sees: /no way out of covered/
  }
}

for (const [name, { file, from, to, sees, pages = fresh, depth = 3 }] of Object.entries(breakages)) {
  t.test(`the search finds ${name}`, async t => {
    t.setTimeout(300_000)
    const { wrongs, ways } = await explore(await load(file, from, to), pages, { depth, mergeFrom: 0, sees })
    // It finds nothing of the kind in the client as it is: that is the test of its neighbour.
    t.comment(`${ways} ways: ${[...wrongs].map(([wrong, way]) => `${wrong} (${way})`).join('; ')}`)
    t.ok([...wrongs.keys()].some(wrong => sees.test(wrong)), String(sees))
  })
}

/** The client's own machinery, with one line of it exchanged. */
async function load (file: string, from: string, to: string): Promise<RunSession> {
  const path = new URL(`client/${file}`, root)
  const { outputFiles: [bundle] } = await build({
    entryPoints: [new URL('client/session/run.ts', root).pathname],
    bundle: true,
    format: 'esm',
    write: false,
    plugins: [{
      name: 'exchanged',
      setup ({ onLoad }) {
        onLoad({ filter: /\.ts$/ }, async ({ path: loaded }) => {
          if (loaded !== path.pathname) return
          const text = await readFile(path, 'utf8')
          if (text.split(from).length !== 2) throw new Error(`${file} has not exactly one: ${from}`)
          return { contents: text.replace(from, () => to), loader: 'ts' }
        })
      }
    }]
  })
  const { runSession } = await import(`data:text/javascript,${encodeURIComponent(bundle!.text)}`) as { runSession: RunSession }
  return runSession
}
