import { randomBytes, randomUUID } from 'node:crypto'
import { openApplication } from './application.js'
import { lookAt } from './expiry.js'
import { finding, type Finding, type Guard } from './report.js'
import { read, remove, sessionFor, watch, write, type Call } from './store-access.js'
import type { Scene } from './subject.js'

const generators: ReadonlyArray<[name: string, idGenerator: (() => string) | undefined]> = [
  ['ids as @fastify/session makes them', undefined],
  ['UUIDs', randomUUID],
  ['ids of 128 characters', () => randomBytes(96).toString('base64url')],
  ['ids of 200 characters', () => randomBytes(150).toString('base64url')]
]

/** Whether sessions can be stored and ended, whatever their ids look like, and what marks their ends. */
export async function checkIds (scene: Scene): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [name, idGenerator] of generators) {
    const outcomes: boolean[] = []
    for (const guard of scene.guards) {
      const outcome = await useIds(scene, guard, name, idGenerator)
      outcomes.push(outcome.holds)
      findings.push(...outcome.findings)
      if (!outcome.holds) findings.push(finding('ids', false, `${name}, with ${guard}: ${outcome.says}`))
    }
    if (outcomes.every(Boolean)) findings.push(finding('ids', true, `${name}: signing in, saving and signing out work`))
  }
  return [...findings, ...await checkDistinct(scene)]
}

const lengths = [32, 128, 200]

/** Whether ids that are nearly alike are two. Where an id does not fit at all, signing in has failed above. */
async function checkDistinct ({ open }: Scene): Promise<Finding[]> {
  const store = await open()
  const findings: Finding[] = []
  for (const length of lengths) {
    const id = `Aa${randomBytes(length).toString('base64url').slice(0, length - 3)}A`
    const last = await areTwo(store, id, `${id.slice(0, -1)}B`)
    const other = await areTwo(store, id, id.replace(/[a-z]/gi, letter => letter < 'a' ? letter.toLowerCase() : letter.toUpperCase()))
    const alike = [...(last ? [] : ['the last one']), ...(other ? [] : ['case'])]
    findings.push(...alike.map(what => finding('ids', false,
      `ids of ${length} characters that differ in ${what} only are one session: a user may get that of another`)))
    if (alike.length === 0) findings.push(finding('ids', true, `ids of ${length} characters that are nearly alike are two sessions`))
  }
  return findings
}

async function areTwo (store: object, one: string, other: string): Promise<boolean> {
  try {
    await write(store, one, sessionFor(60_000))
  } catch {
    return true
  }
  const found = await read(store, other)
  await remove(store, one)
  return found === null
}

interface Outcome {
  readonly holds: boolean
  /** What does not. */
  readonly says: string
  readonly findings: readonly Finding[]
}

async function useIds (
  scene: Scene, guard: Guard, name: string, idGenerator: (() => string) | undefined
): Promise<Outcome> {
  const store = await scene.open(guard)
  const watched = watch(store)
  const app = await openApplication(store, idGenerator && { idGenerator })
  try {
    const { cookie, sessionId, status } = await app.ask({ path: '/sign-in' })
    if (cookie === undefined || sessionId === null) {
      return { holds: false, says: `signing in is answered with ${status}`, findings: [] }
    }
    const saved = await app.ask({ path: '/modify', cookie })
    if (saved.userId === null) return { holds: false, says: `a save is answered with ${saved.status}`, findings: [] }
    watched.reset()
    const out = await app.ask({ path: '/sign-out', cookie })
    const gone = await read(store, sessionId) === null
    const mark = watched.calls.find(({ operation, id }) => operation === 'set' && id !== sessionId)
    const findings = mark === undefined ? [] : await lookAtMark(scene, store, mark, name)
    const says = `the session is still there after a sign-out that was answered with ${out.status}`
    return { holds: out.status === 200 && gone, says, findings }
  } finally {
    await app.close()
  }
}

async function lookAtMark ({ subject }: Scene, store: object, { id, error }: Call, name: string): Promise<Finding[]> {
  const written = !error && await read(store, id).catch(() => null) !== null
  if (!written) return [finding('ids', false, `${name}: the mark cannot be written, so that an end may be undone`)]
  const { holds, says } = await lookAt(subject, store, id, Date.now() + 60_000)
  return [finding('ids', holds, `${name}: a mark of ${id.length} characters, with a minute to live: ${says}`)]
}
