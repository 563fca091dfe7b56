import { randomBytes } from 'node:crypto'
import { lookAt } from './expiry.js'
import { finding, type Finding } from './report.js'
import { canReplace, read, remove, replace, sessionFor, write } from './store-access.js'
import type { Scene } from './subject.js'

const day = 24 * 60 * 60 * 1000
const trials = 200

/** Whether `replace` writes over what is there, and nothing else. */
export async function checkReplace ({ subject, open, shared }: Scene): Promise<Finding[]> {
  const store = await open()
  if (!canReplace(store)) return [finding('replace', null, 'the store has none: ends are guarded by marks')]
  const other = shared ? await open() : store
  const findings: Finding[] = []
  const add = (holds: boolean | null, says: string): void => { findings.push(finding('replace', holds, says)) }

  const absent = newId()
  const made = await replace(store, absent, sessionFor(40 * day))
  add(!made && await read(store, absent) === null, 'writes nothing where no session is')

  const id = newId()
  await write(store, id, sessionFor(day))
  // A longer life than memcached takes for one.
  const replaced = await replace(store, id, sessionFor(40 * day, 'new'))
  const found = await read(other, id) as { note?: string } | null
  add(replaced && found?.note === 'new', 'writes over a session that is there')
  const { holds, says } = await lookAt(subject, store, id, Date.now() + 40 * day)
  add(holds, `gives it its new expiry: ${says}`)
  const same = sessionFor(40 * day, 'new')
  const twice = await replace(store, id, same) && await replace(store, id, same)
  add(twice, 'tells that a session is there also when nothing in it is new')

  await remove(store, id)
  const after = await replace(store, id, same)
  add(!after && await read(store, id) === null, 'writes nothing over a session that was destroyed')

  const expired = newId()
  await write(store, expired, sessionFor(-1000)).catch(() => {})
  const revived = await replace(store, expired, sessionFor(day)).catch(() => false)
  add(!revived && await read(store, expired) === null, 'writes nothing over a session that has expired')

  let back = 0
  await Promise.all(Array.from({ length: trials }, async () => {
    const id = newId()
    await write(store, id, sessionFor(day))
    const late = sessionFor(day, 'late')
    await Promise.all([replace(store, id, late), remove(other, id), replace(store, id, late)])
    if (await read(store, id) !== null) back++
  }))
  add(back === 0, `of ${trials} sessions destroyed while they were replaced ${back} came back`)
  return findings
}

function newId (): string {
  return randomBytes(24).toString('base64url')
}
