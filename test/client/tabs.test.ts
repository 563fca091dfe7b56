import t from 'tap'
import { joinTabs, type Message } from '../../client/session/tabs.js'

t.test('any script of the site may post whatever it likes to the other tabs: nothing throws', async t => {
  const received: Message[] = []
  const tabs = joinTabs('/session-timeout', message => { received.push(message) })
  t.teardown(() => tabs.close())
  tabs.listen()
  const forger = new BroadcastChannel('session-timeout:/session-timeout')
  t.teardown(() => forger.close())
  const forged = [null, undefined, 'ended', 5, [], { type: null }, { type: 'arrived' }]
  for (const message of forged) forger.postMessage(message)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(received.length, forged.length)
  t.ok(received.every(message => typeof message === 'object' && message !== null), 'each is an object, whose type can be read')
  t.same(received.filter(({ type }) => ['arrived', 'extended', 'ended', 'resumed'].includes(type)), [{ type: 'arrived' }])
})

t.test('a page that does not listen reaches the others all the same', async t => {
  const received: Message[] = []
  const listening = joinTabs('/session-timeout', message => { received.push(message) })
  t.teardown(() => listening.close())
  listening.listen()
  joinTabs('/session-timeout', () => { t.fail('it does not listen') }).post({ type: 'resumed' })
  await new Promise(resolve => setTimeout(resolve, 50))
  t.same(received, [{ type: 'resumed' }])
})
