import { randomBytes, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { pause } from './application.js'
import { finding, type Finding } from './report.js'
import { canReplace, countAnswers, NoAnswer, read, remove, replace, sessionFor, write, type Operation } from './store-access.js'

/** How long an answer may come a second time. */
const quiet = 50

/**
 * Whether every operation answers, once, when it has done what it is for, and with what it should. Without that no other
 * check means anything, so that the first fault is the last thing that is looked at.
 */
export async function checkAnswers (open: () => Promise<object>): Promise<Finding[]> {
  const store = await open()
  const newId = await findIds(store)
  const answers = countAnswers(store)
  for (const step of [writeAndRead, writeOver, lookForNone, destroy, ...(canReplace(store) ? [replaceOnce] : [])]) {
    const fault = await step(store, newId()).catch((error: Error) => error.message)
    if (fault !== undefined) return [finding('answers', false, fault)]
  }
  await pause(quiet)
  const twice = answers.twice()
  if (twice !== undefined) {
    return [finding('answers', false, `${twice} calls its callback twice: @fastify/session would handle the request twice`)]
  }
  return [finding('answers', true, 'every operation calls its callback once, when it is done')]
}

type Step = (store: object, id: string) => Promise<string | undefined>

const writeAndRead: Step = async (store, id) => {
  const session = { ...sessionFor(60_000), sessionTimeout: { startedAt: 1, lastActivity: 2 }, list: [{ name: 'Ada', seen: true }] }
  await done('set', write(store, id, session))
  const found = await done('get', read(store, id)) as Record<string, unknown> | null
  if (found === null) return 'set answers before it has written: a get right after it does not find the session'
  const { cookie, ...data } = plain(session)
  const other = Object.keys(data).find(key => !isDeepStrictEqual(plain(found)[key], data[key]))
  if (other !== undefined) return `get gives back other data than set was given, at ${other}`
  const expires = new Date(String((found.cookie as { expires?: unknown } | undefined)?.expires))
  return Number.isNaN(expires.getTime()) ? 'get gives back no cookie.expires: @fastify/session cannot restore such a session' : undefined
}

const writeOver: Step = async (store, id) => {
  await done('set', write(store, id, sessionFor(60_000)))
  await done('set', write(store, id, sessionFor(60_000, 'new')))
  const found = await done('get', read(store, id)) as { note?: string } | null
  return found?.note === 'new' ? undefined : 'set answers before it has written: a get right after it finds the session as it was before'
}

const lookForNone: Step = async (store, id) => {
  const fault = await faultOf(read(store, id))
  return fault && `get fails where no session is, with "${fault}": it should answer null`
}

const destroy: Step = async (store, id) => {
  await done('set', write(store, id, sessionFor(60_000)))
  await done('destroy', remove(store, id))
  if (await read(store, id) !== null) return 'destroy answers before it has destroyed: a get right after it still finds the session'
  const fault = await faultOf(remove(store, id))
  return fault && `destroy fails where no session is, with "${fault}": two sign-outs may meet`
}

const replaceOnce: Step = async (store, id) => {
  await done('set', write(store, id, sessionFor(60_000)))
  await done('replace', replace(store, id, sessionFor(60_000, 'new')))
  return undefined
}

/** @throws an error that names the operation */
async function done<Value> (name: Operation, operation: Promise<Value>): Promise<Value> {
  return operation.catch((error: Error) => {
    throw error instanceof NoAnswer ? error : new Error(`${name} fails, with "${error.message}"`)
  })
}

async function faultOf (operation: Promise<unknown>): Promise<string | undefined> {
  return operation.then(() => undefined, (error: Error) => {
    if (error instanceof NoAnswer) throw error
    return error.message
  })
}

/** As stores that write JSON give it back. */
function plain (value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>
}

/** A column may take UUIDs alone. That it does not take other ids is said elsewhere. */
async function findIds (store: object): Promise<() => string> {
  const fault = await write(store, newId(), sessionFor(60_000)).catch((error: Error) => error)
  return fault instanceof Error && !(fault instanceof NoAnswer) && await takesUuids(store) ? randomUUID : newId
}

async function takesUuids (store: object): Promise<boolean> {
  return write(store, randomUUID(), sessionFor(60_000)).then(() => true, () => false)
}

function newId (): string {
  return randomBytes(24).toString('base64url')
}
