import t from 'tap'
import { installIn } from './installed.js'

const app = `
import 'reflect-metadata'
import FakeTimers from '@sinonjs/fake-timers'
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { Controller, Get, Module, Post, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, RouteConfig, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyRequest } from 'fastify'
import sessionTimeout from 'fastify-session-timeout'

declare module 'fastify' {
  interface Session { userId?: string }
}

@Controller()
class AppController {
  @Post('sign-in')
  async signIn (@Req() request: FastifyRequest): Promise<void> {
    await request.session.regenerate()
    request.session.userId = 'ada'
  }

  @Get('me')
  me (@Req() request: FastifyRequest): { user: string | null } {
    return { user: request.session.userId ?? null }
  }

  @RouteConfig({ sessionTimeout: { countsAsActivity: false } })
  @Get('news')
  news (): string[] {
    return []
  }

  @RouteConfig({ sessionTimeout: false })
  @Get('health')
  health (): string {
    return 'ok'
  }
}

@Module({ controllers: [AppController] })
class AppModule {}

const clock = FakeTimers.install({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) })
const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), { logger: false })
app.setGlobalPrefix('api')
await app.register(cookie)
await app.register(session, { secret: 'a secret that is long enough for a signature', rolling: false, saveUninitialized: false, cookie: { secure: false } })
await app.register(sessionTimeout, { idleTimeout: '10m', afterTimeout: 'unauthorized', endpoint: process.argv[2]! })
await app.init()
await app.getHttpAdapter().getInstance().ready()

const signedIn = await app.inject({ method: 'POST', url: '/api/sign-in' })
const headers = { cookie: String(signedIn.headers['set-cookie']).split(';')[0]! }
const ask = async (url: string): Promise<number> => (await app.inject({ url, headers })).statusCode
const passed = (minutes: number): void => { clock.setSystemTime(Date.now() + minutes * 60_000) }

const seen: Record<string, unknown> = {}
passed(9)
seen.active = await ask('/api/me')
passed(9)
seen.extended = await ask('/api/news')
seen.endpoint = (await app.inject({ url: process.argv[2]!, headers })).json().active
// As a visitor: what is not found would be an activity as well.
for (const path of ['/session-timeout', '/api/session-timeout', '/api/api/session-timeout']) seen[path] = (await app.inject(path)).statusCode
seen.client = (await app.inject(process.argv[2] + '/client.js')).statusCode
passed(1)
seen.unchecked = await ask('/api/health')
seen.ended = await ask('/api/me')
await app.close()
console.log(JSON.stringify(seen))
`

t.test('NestJS with @RouteConfig; the endpoint has the path that it is given, without the global prefix', async t => {
  const { run } = await installIn(t, { 'package.json': '{ "type": "module" }', 'app.ts': app })
  await run('typescript/bin/tsc', '--ignoreConfig', '--strict', '--target', 'es2022', '--module', 'nodenext', '--experimentalDecorators', '--emitDecoratorMetadata', '--types', 'node', '--skipLibCheck', 'app.ts')
  for (const endpoint of ['/session-timeout', '/api/session-timeout']) {
    t.same(JSON.parse(await run('node', 'app.js', endpoint)), {
      active: 200,
      extended: 200,
      endpoint: true,
      '/session-timeout': 404,
      '/api/session-timeout': 404,
      '/api/api/session-timeout': 404,
      [endpoint]: 200,
      client: 200,
      unchecked: 200,
      ended: 401
    }, endpoint)
  }
})
