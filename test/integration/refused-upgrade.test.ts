import type { Socket } from 'node:net'
import websocket from '@fastify/websocket'
import t from 'tap'
import { fakeClock } from '../helpers/clock.js'
import { FaultyStore, JsonStore } from '../helpers/stores.js'
import { second } from '../helpers/time.js'
import { openSite, settle } from './live.js'

const refusals = {
  'a session that has ended': { after: 60 * second, broken: false, status: 401 },
  'a sign-in that was too long ago': { after: 30 * second, broken: false, status: 401 },
  'a store that does not take the end': { after: 60 * second, broken: true, status: 503 }
}

for (const [refusal, { after, broken, status }] of Object.entries(refusals)) {
  for (const order of ['before', 'after'] as const) {
    t.test(`with @fastify/websocket ${order} the plugin, an upgrade refused for ${refusal} leaves no socket open`, async t => {
      const clock = fakeClock(t, { timers: true })
      const store = new FaultyStore(new JsonStore())
      const { app, connect } = await openSite(t, {
        session: { store },
        before: app => { if (order === 'before') app.register(websocket) },
        async routes (app) {
          if (order === 'after') await app.register(websocket)
          app.get('/socket', { websocket: true, config: { sessionTimeout: { signedInWithin: 20 * second } } }, socket => socket.resume())
        }
      })
      const sockets: Socket[] = []
      app.server.on('connection', socket => { sockets.push(socket) })
      await clock.run(after)
      if (broken) store.always.destroy = 'error'
      await t.rejects(connect('/socket'), { message: new RegExp(`${status}`) })
      await settle(() => sockets.every(({ destroyed }) => destroyed))
      t.same(sockets.map(({ destroyed }) => destroyed), [true])
      // Else app.close() would wait for them for ever.
      for (const socket of sockets) socket.destroy()
    })
  }
}
