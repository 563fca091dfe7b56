import { fork } from 'node:child_process'
import t from 'tap'
import type { Outcome } from './lives.js'

t.test('faults in hooks, options and stores do not end the process', async t => {
  const child = fork(new URL('lives.js', import.meta.url))
  const outcomes: Outcome[] = []
  child.on('message', outcome => { outcomes.push(outcome as Outcome) })
  t.equal(await new Promise(resolve => { child.once('exit', resolve) }), 0)
  const outcomeOf = (deed: string): Outcome | undefined => outcomes.find(({ name }) => name === deed)

  t.same(outcomeOf('upgrade'), { name: 'upgrade', status: 200, died: [] },
    'an Upgrade header on a request that comes by app.inject does not end the process')
  for (const name of ['user', 'appliesTo', 'countsAsActivity', 'idleTimeout', 'absoluteTimeout']) {
    t.same(outcomeOf(name), { name, status: 500, died: [] }, `an async ${name} that rejects is a 500 and does not end the process`)
  }
})
