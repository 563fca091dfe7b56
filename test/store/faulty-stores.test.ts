import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { checkStore, type StoreReport } from '../../stores/contract/index.js'
import { fakeClock } from '../helpers/clock.js'
import { root } from '../helpers/root.js'

type Answer = (error?: unknown, value?: unknown) => void
type Row = { json: string, expires: number }

/** A store as it should be, over a Map; its operations answer a moment later. */
class GoodStore {
  readonly rows = new Map<string, Row>()

  get (id: string, answer: Answer): unknown {
    return setImmediate(() => answer(null, this.find(id)))
  }

  set (id: string, session: object, answer: Answer): unknown {
    const row = rowOf(session)
    return setImmediate(() => {
      this.rows.set(this.keyOf(id), row)
      answer(null)
    })
  }

  destroy (id: string, answer: Answer): unknown {
    return setImmediate(() => {
      this.rows.delete(this.keyOf(id))
      answer(null)
    })
  }

  find (id: string): unknown {
    const row = this.rows.get(this.keyOf(id))
    return row !== undefined && row.expires > Date.now() ? JSON.parse(row.json) : null
  }

  keyOf (id: string): string {
    return id
  }
}

function rowOf (session: object): Row {
  const { cookie } = session as { cookie: { expires: Date | null } }
  return { json: JSON.stringify(session), expires: cookie.expires?.getTime() ?? Infinity }
}

/** A store that can replace as it should. */
class ReplacingStore extends GoodStore {
  replace (id: string, session: object, answer: Answer): unknown {
    const row = rowOf(session)
    return setImmediate(() => {
      const isThere = this.find(id) !== null
      if (isThere) this.rows.set(id, row)
      answer(null, isThere)
    })
  }
}

const later = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const faulty: ReadonlyArray<[name: string, create: () => object, says: string]> = [
  ['has promises alone', () => new class extends GoodStore {
    override async get (id: string): Promise<unknown> { return this.find(id) }
    override async set (id: string, session: object): Promise<void> { this.rows.set(id, rowOf(session)) }
    override async destroy (id: string): Promise<void> { this.rows.delete(id) }
  }(), 'set returns a promise and does not call its callback: @fastify/session waits for the callback'],

  ['never answers to get', () => new class extends GoodStore {
    override get (): void {}
  }(), 'get does not call its callback within 5 s'],

  ['never answers to destroy', () => new class extends GoodStore {
    override destroy (): void {}
  }(), 'destroy does not call its callback within 5 s'],

  ['answers twice', () => new class extends GoodStore {
    override get (id: string, answer: Answer): void {
      answer(null, this.find(id))
      setImmediate(() => answer(null, this.find(id)))
    }
  }(), 'get calls its callback twice: @fastify/session would handle the request twice'],

  ['answers to set before it has written', () => new class extends GoodStore {
    override set (id: string, session: object, answer: Answer): void {
      answer(null)
      setTimeout(() => super.set(id, session, () => {}), 20)
    }
  }(), 'set answers before it has written: a get right after it does not find the session'],

  ['answers to set before it has written over what is there', () => new class extends GoodStore {
    override set (id: string, session: object, answer: Answer): unknown {
      if (!this.rows.has(id)) return super.set(id, session, answer)
      answer(null)
      return setTimeout(() => super.set(id, session, () => {}), 20)
    }
  }(), 'set answers before it has written: a get right after it finds the session as it was before'],

  ['answers to destroy before it has destroyed', () => new class extends GoodStore {
    override destroy (id: string, answer: Answer): void {
      answer(null)
      setTimeout(() => super.destroy(id, () => {}), 20)
    }
  }(), 'destroy answers before it has destroyed: a get right after it still finds the session'],

  ['fails where there is no session', () => new class extends GoodStore {
    override get (id: string, answer: Answer): unknown {
      const found = this.find(id)
      return setImmediate(() => found === null ? answer(new Error('No such row')) : answer(null, found))
    }
  }(), 'get fails where no session is, with "No such row": it should answer null'],

  ['cannot destroy what is not there', () => new class extends GoodStore {
    override destroy (id: string, answer: Answer): unknown {
      return this.rows.has(id) ? super.destroy(id, answer) : setImmediate(() => answer(new Error('No such row')))
    }
  }(), 'destroy fails where no session is, with "No such row": two sign-outs may meet'],

  ['throws', () => new class extends GoodStore {
    override set (): never { throw new TypeError('not connected') }
  }(), 'set fails, with "not connected"'],

  ['keeps one level of data', () => new class extends GoodStore {
    override set (id: string, session: Record<string, unknown>, answer: Answer): unknown {
      const { cookie, ...rest } = session
      const flat = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, String(value)]))
      return super.set(id, { cookie, ...flat }, answer)
    }
  }(), 'get gives back other data than set was given, at sessionTimeout'],

  ['does not keep the cookie', () => new class extends GoodStore {
    override find (id: string): unknown {
      const found = super.find(id) as { cookie?: object } | null
      if (found) delete found.cookie
      return found
    }
  }(), 'get gives back no cookie.expires: @fastify/session cannot restore such a session'],

  ['cuts ids to 16 characters', () => new class extends GoodStore {
    override keyOf (id: string): string { return id.slice(0, 16) }
  }(), 'ids of 32 characters that differ in the last one only are one session: a user may get that of another'],

  ['cuts ids to 128 characters', () => new class extends GoodStore {
    override keyOf (id: string): string { return id.slice(0, 128) }
  }(), 'ids of 200 characters that differ in the last one only are one session: a user may get that of another'],

  ['compares ids without case', () => new class extends GoodStore {
    override keyOf (id: string): string { return id.toLowerCase() }
  }(), 'ids of 32 characters that differ in case only are one session: a user may get that of another'],

  ['has an async replace', () => new class extends GoodStore {
    async replace (id: string, session: object): Promise<boolean> {
      await later()
      const isThere = this.rows.has(id)
      if (isThere) this.rows.set(id, rowOf(session))
      return isThere
    }
  }(), 'replace returns a promise and does not call its callback: this plugin waits for the callback'],

  ['writes by replace what is not there', () => new class extends ReplacingStore {
    override replace (id: string, session: object, answer: Answer): unknown {
      return this.set(id, session, error => answer(error, true))
    }
  }(), 'writes nothing where no session is'],

  ['does not say whether it has replaced', () => new class extends ReplacingStore {
    override replace (id: string, session: object, answer: Answer): unknown {
      return super.replace(id, session, error => answer(error))
    }
  }(), 'writes over a session that is there']
]

async function check (t: Test, create: () => object): Promise<StoreReport> {
  const clock = fakeClock(t, { timers: true, start: Date.now() })
  const report = checkStore({ name: 'mine', create }, { only: ['ids', 'replace'] })
  const isOver = report.then(() => true)
  while (!await Promise.race([isOver, false])) {
    await later()
    await clock.run(10)
  }
  return report
}

for (const [name, create, says] of faulty) {
  t.test(`a store that ${name} is told so`, async t => {
    const report = await check(t, create)
    const faults = report.findings.filter(({ holds }) => holds === false).map(({ says }) => says)
    t.ok(faults.some(fault => fault.includes(says)), String(report))
    t.notOk(report.holds)
    t.match(String(report), `✗ ${faults[0]}`)
  })
}

for (const create of [() => new GoodStore(), () => new ReplacingStore()]) {
  t.test(`a ${create().constructor.name} has none of these faults`, async t => {
    const report = await check(t, create)
    t.ok(report.holds, String(report))
  })
}

t.test('the contract tries nothing else on a store that cannot be used at all', async t => {
  const report = await check(t, faulty[0]![1])
  t.same(report.findings.map(({ holds }) => holds), [false, null])
  t.equal(report.findings.at(-1)?.says, 'nothing else was tried: put this right first')
})

t.test('a program that tries a store with promises alone ends by itself, and says why', t => {
  const program = `
    import { checkStore } from 'fastify-session-timeout/store-contract'
    const rows = new Map()
    const create = () => ({
      get: async id => rows.get(id),
      set: async (id, session) => { rows.set(id, session) },
      destroy: async id => { rows.delete(id) }
    })
    const report = await checkStore({ name: 'mine', create })
    console.log(String(report))
    process.exitCode = report.holds ? 0 : 1`
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root, env: { ...process.env, NODE_OPTIONS: '' }, encoding: 'utf8', timeout: 60_000
  })
  t.equal(status, 1, stderr)
  t.match(stdout, '✗ set returns a promise and does not call its callback')
  t.end()
})
