import t from 'tap'
import { prefixOf, type HostSession, type Slots } from '../../lib/store/host-session.js'

t.test('a cookie is read by its own prefix, also when another was found before', t => {
  const signer = { unsign: (text: string) => ({ valid: text === 'id.signature', renew: false, value: 'id' }) }
  const slots = { prefixes: { found: 'before:' }, signer } as unknown as Slots
  const session = { sessionId: 'id', encryptedSessionId: 'id.other' } as unknown as HostSession
  t.equal(prefixOf('s:id.signature', session, slots), 's:')
  t.equal(prefixOf('s:id.signature', session, slots), 's:', 'and is found at once from then on')
  t.equal(prefixOf('s:id.forged', session, slots), undefined)
  t.equal(prefixOf('s:id.other', session, slots), 's:')
  t.end()
})
