import type { Session } from 'fastify'
import t from 'tap'
import { expiryOf, writeExpiry } from '../../lib/store/stored-session.js'

const at = Date.UTC(2026, 0, 1, 12)

t.test('a stored session that came without its cookie says no expiry, and is given none', async t => {
  const session = { userId: 'ada' } as unknown as Session
  writeExpiry(session, at)
  t.strictSame(session, { userId: 'ada' })
  t.equal(expiryOf(session), undefined)
})

t.test('a stored cookie says when it expires, as a date and as JSON has it, or that it does not', async t => {
  const expires = new Date(at)
  t.equal(expiryOf({ cookie: { originalMaxAge: null, expires } } as unknown as Session), at)
  t.equal(expiryOf({ cookie: { originalMaxAge: null, expires: expires.toJSON() } } as unknown as Session), at)
  t.equal(expiryOf({ cookie: { originalMaxAge: null } } as unknown as Session), undefined)
  t.equal(expiryOf({ cookie: { originalMaxAge: null, expires: null } } as unknown as Session), undefined)
})
