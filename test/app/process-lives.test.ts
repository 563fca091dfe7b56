import { fork } from 'node:child_process'
import fc from 'fast-check'
import t, { type Test } from 'tap'

/** What an application puts on a response on which a touch is due. `{ is }` names what JSON has not. */
export interface Oddity {
  headers?: Array<[name: string, value: unknown]>
  rawHeaders?: Array<[name: string, value: unknown]>
  /** Attributes of session.cookie. */
  cookie?: Array<[name: string, value: unknown]>
  /** Takes the place of session.cookie. */
  cookieObject?: unknown
  /** Whether the session is modified as well, and saved. */
  modify?: boolean
}

export interface Question {
  number: number
  url: '/odd' | '/odd-late'
  oddity: Oddity
}

interface Answer {
  /** What would have ended the process. */
  died?: string
  status: number
  body: string
  /** Whether another user is served afterwards. */
  after: boolean
}

/** An application in a process of its own, with or without the plugin. */
interface Witness {
  /** @throws when there is no answer */
  ask (url: Question['url'], oddity: Oddity): Promise<Answer>
}

// What a busy machine may take; a request that hangs takes longer.
const patience = 20_000

async function startWitness (t: Test, withPlugin: boolean): Promise<Witness> {
  const child = fork(new URL('witness.js', import.meta.url), [String(withPlugin)])
  t.teardown(() => { child.kill('SIGKILL') })
  await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`The application did not start: ${code}`)))
  })
  let number = 0
  return {
    async ask (url, oddity) {
      const asked = number++
      child.send({ number: asked, url, oddity } satisfies Question)
      return await new Promise<Answer>((resolve, reject) => {
        const timer = setTimeout(() => leave(() => reject(new Error('The request hangs'))), patience)
        const exit = (code: number | null): void => leave(() => reject(new Error(`The process died with ${code}`)))
        const hear = (answer: Answer & { number: number }): void => {
          if (answer.number === asked) leave(() => resolve(answer))
        }
        child.on('message', hear)
        child.on('exit', exit)

        function leave (settle: () => void): void {
          clearTimeout(timer)
          child.removeListener('message', hear)
          child.removeListener('exit', exit)
          settle()
        }
      })
    }
  }
}

const headerOddities: Record<string, Oddity> = {
  'a file name in Cyrillic': { headers: [['content-disposition', 'attachment; filename="отчёт.pdf"']] },
  'a line break': { headers: [['x-note', 'one\r\ntwo']] },
  'a zero byte': { headers: [['x-note', 'a\0b']] },
  'a name that is none': { headers: [['x note', 'x']] },
  'an undefined value': { headers: [['x-note', { is: 'undefined' }]] },
  'a null value': { headers: [['x-note', null]] },
  'a server-timing that is a list': { headers: [['server-timing', ['db;dur=5', 'cache;dur=1']]] },
  'a server-timing that is a number': { headers: [['server-timing', 5]] },
  'a set-cookie that is a number': { headers: [['set-cookie', 5]] },
  'a set-cookie that is empty': { headers: [['set-cookie', '']] },
  'a set-cookie in Cyrillic': { headers: [['set-cookie', 'имя=значение']] },
  'a cache-control that is a list': { headers: [['cache-control', ['no-cache', 'no-store']]] },
  'a cache-control that is a number': { headers: [['cache-control', 60]] },
  'a cache-control in Cyrillic': { headers: [['cache-control', 'публичный']] },
  'a raw header': { rawHeaders: [['x-raw', 'raw']] },
  'a raw header that is rubbish': { rawHeaders: [['content-disposition', 'отчёт']] }
}

const cookieOddities: Record<string, Oddity> = {
  'a maxAge of NaN': { cookie: [['maxAge', { is: 'NaN' }]] },
  'a maxAge of Infinity': { cookie: [['maxAge', { is: 'Infinity' }]] },
  'a maxAge that is text': { cookie: [['maxAge', 'soon']] },
  'a numeric expires': { cookie: [['expires', 1_800_000_000_000]] },
  'an expires that is text': { cookie: [['expires', 'tomorrow']] },
  'an expires that is an invalid date': { cookie: [['expires', { is: 'invalid date' }]] },
  'an expires at the end of time': { cookie: [['expires', { is: 'far date' }]] },
  'a sameSite that is none': { cookie: [['sameSite', 'sometimes']] },
  'a sameSite that is a number': { cookie: [['sameSite', 5]] },
  'a domain with a line break': { cookie: [['domain', 'a\r\nb']] },
  'a domain that is a number': { cookie: [['domain', 5]] },
  'a path that is a number': { cookie: [['path', 5]] },
  'a path in Cyrillic': { cookie: [['path', '/путь']] },
  'a priority that is none': { cookie: [['priority', 'urgent']] },
  'a cookie that is a plain object': { cookieObject: { path: '/', httpOnly: true } },
  'a cookie that is an empty object': { cookieObject: {} },
  'a cookie that is null': { cookieObject: null },
  'a cookie that is undefined': { cookieObject: { is: 'undefined' } },
  'a cookie that is text': { cookieObject: 'cookie' }
}

t.test('what an application puts on a response on which a touch is due does not end the process', async t => {
  const [plain, guarded] = await Promise.all([startWitness(t, false), startWitness(t, true)])

  for (const [name, oddity] of Object.entries({ ...headerOddities, ...cookieOddities })) {
    for (const url of ['/odd', '/odd-late'] as const) {
      for (const modify of [false, true]) {
        await t.test(`${name}, ${url}${modify ? ', saved' : ''}`, async t => {
          const without = await plain.ask(url, { ...oddity, modify })
          const answer = await guarded.ask(url, { ...oddity, modify })
          // What Fastify or the host themselves die of is theirs.
          if (without.died !== undefined) return t.comment(`without the plugin it dies: ${without.died}`)
          t.equal(answer.died, undefined, 'the process lives')
          if (name in headerOddities) t.equal(answer.status, without.status, 'answered as without the plugin')
          else t.ok([200, 500].includes(answer.status), `${answer.status}, without the plugin ${without.status}`)
          t.ok(answer.after, 'and others are served')
        })
      }
    }
  }

  await t.test('nor does anything else of that kind', async t => {
    const odd = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
      fc.constantFrom(...['NaN', 'Infinity', 'invalid date', 'far date', 'symbol', 'function', 'undefined', 'bigint'].map(is => ({ is }))))
    const header = fc.tuple(fc.oneof(fc.constantFrom('set-cookie', 'cache-control', 'server-timing', 'content-disposition', 'vary', 'x-note'), fc.string({ maxLength: 8 })), odd) as fc.Arbitrary<[string, unknown]>
    const attribute = fc.tuple(fc.constantFrom('maxAge', 'expires', 'sameSite', 'domain', 'path', 'secure', 'httpOnly', 'partitioned', 'priority', 'originalMaxAge'), odd) as fc.Arbitrary<[string, unknown]>
    const oddity = fc.record<Oddity>({
      headers: fc.array(header, { maxLength: 3 }),
      cookie: fc.array(attribute, { maxLength: 3 }),
      modify: fc.boolean()
    }, { requiredKeys: [] })
    await fc.assert(fc.asyncProperty(oddity, fc.constantFrom('/odd' as const, '/odd-late' as const), async (one, url) => {
      const answer = await guarded.ask(url, one)
      if ((answer.died !== undefined || ![200, 500].includes(answer.status) || !answer.after) && (await plain.ask(url, one)).died === undefined) {
        throw new Error(JSON.stringify(answer))
      }
    }), { numRuns: Number(process.env.FUZZ_RUNS ?? 100), seed: 20261124, endOnFailure: true })
    t.pass()
  })
})
