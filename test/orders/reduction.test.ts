import t from 'tap'
import { partsOf, playAgain } from './pairs.js'
import { save, signOut, touch } from './deeds.js'
import { explore } from './explore.js'
import { Scene, type Outcome } from './scene.js'
import { fakeTime, openWorld } from './world.js'

for (const processes of [1, 2] as const) {
  t.test(`orders that are left out end as others do, in processes: ${processes}`, async t => {
    const world = await openWorld(t, fakeTime(t), { processes, replace: false })
    for (const pair of [[save, touch], [save, signOut]]) {
      const scene = new Scene(world, partsOf(pair, processes), { joined: true })
      const [some, all] = [new Set<string>(), new Set<string>()]
      const see = (ends: Set<string>) => ({ outcome }: { outcome: Outcome | undefined }) => { ends.add(outcome!.state) }
      const reduced = await explore<Outcome>(choose => scene.play(choose), see(some))
      const whole = await explore<Outcome>(choose => scene.play(choose), see(all), { reduced: false })
      t.comment(`${scene.title}: ${reduced.orders} of ${whole.orders} orders`)
      t.ok(reduced.complete && whole.complete)
      t.same([...some].sort(), [...all].sort())
      if (processes === 2) t.ok(reduced.orders < whole.orders / 5, 'most are left out')
    }
  })
}

t.test('an order can be played again from its list of choices', async t => {
  const world = await openWorld(t, fakeTime(t), { processes: 2, replace: false })
  const parts = partsOf([save, signOut], 2)
  const scene = new Scene(world, parts)
  const seen: Array<{ order: string, state: string }> = []
  await explore<Outcome>(choose => scene.play(choose), ({ order, outcome }) => { seen.push({ order: order.join(' '), state: outcome!.state }) })
  t.ok(new Set(seen.map(({ state }) => state)).size > 1)
  for (const { order, state } of seen) t.equal((await playAgain(world, parts, {}, order)).state, state)
})
