import { openApplication, pause, type Ask } from './application.js'
import { signIn } from './expiry.js'
import type { Cost, Costs, Guard } from './report.js'
import { watch } from './store-access.js'
import type { Scene } from './subject.js'

/** What the requests of a signed-in user ask of the store, the host's own questions included. */
export async function countCosts ({ open }: Scene, guard: Guard): Promise<Costs> {
  const store = await open(guard)
  const watched = watch(store)
  const app = await openApplication(store, { timeout: { touchInterval: 0 } })
  // The first session of all is looked at twice by some.
  await signIn(app)
  watched.reset()
  const { cookie } = await signIn(app)
  const costs = {
    signIn: watched.counts(),
    passive: await costOf({ path: '/me', cookie }),
    touch: await costOf({ path: '/touch', cookie }),
    save: await costOf({ path: '/modify', cookie }),
    signOut: await costOf({ path: '/sign-out', cookie })
  }
  await app.close()
  return costs

  async function costOf (ask: Ask): Promise<Cost> {
    await pause(5)
    watched.reset()
    await app.ask(ask)
    return watched.counts()
  }
}
