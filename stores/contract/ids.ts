import { randomBytes, randomUUID } from 'node:crypto'
import { openApplication } from './application.js'
import { lookAt } from './expiry.js'
import { finding, type Finding, type Guard } from './report.js'
import { read, watch, type Call } from './store-access.js'
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
  return findings
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
