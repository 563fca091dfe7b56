import { EventEmitter } from 'node:events'
import t from 'tap'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { createConnections } from '../../lib/session/connections.js'
import { sessionsOf } from '../../lib/session/sessions.js'
import type { Visit } from '../../lib/session/visit.js'
import { fakeClock } from '../helpers/clock.js'
import { JsonStore } from '../helpers/stores.js'
import { minute } from '../helpers/time.js'

t.test('8,000 streams of one session that close together cost what a few cost, each', async t => {
  const clock = fakeClock(t, { timers: true })
  const sessions = sessionsOf(new JsonStore(), { warn () {}, level: 'info' } as unknown as FastifyBaseLogger, () => 'an id')
  const session = sessions.use('an id')
  const record = session.record = { startedAt: clock.now(), lastActivity: clock.now() }
  let looks = 0
  const limits = {
    get idle () {
      looks++
      return 30 * minute
    },
    absolute: false as const
  }
  const connections = createConnections()
  const crowd = 8000
  const raws = Array.from({ length: crowd }, () => {
    const raw = Object.assign(new EventEmitter(), { destroyed: false, writableFinished: false })
    const request = { headers: {}, raw: { socket: new EventEmitter() } } as unknown as FastifyRequest
    const visit: Visit = {
      request,
      reply: { raw },
      host: { sessions },
      registration: { settings: { user: () => null } },
      liveTiming: () => ({ visit, session, record, limits })
    } as unknown as Visit
    connections.signalFor(request, visit)
    return raw
  })
  t.ok(session.watch)
  looks = 0
  for (const raw of raws) raw.emit('close')
  t.equal(session.watch, undefined, 'nobody is left')
  t.ok(looks <= 2 * crowd, `${looks} looks at limits`)
  t.ok(raws.every(raw => raw.listenerCount('close') + raw.listenerCount('finish') === 0))
})
