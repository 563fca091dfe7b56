import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'

/** What a browser keeps of a Set-Cookie line. */
interface Kept {
  value: string
  path: string
  /** Epoch ms; undefined for a session-only cookie. */
  expiresAt: number | undefined
}

export type Page = LightMyRequestResponse & {
  /** The Set-Cookie lines as they were sent. */
  setCookies: string[]
  /** Where redirects led, for `navigate`. */
  hops: string[]
}

/** A browser with a cookie jar, over app.inject. */
export interface Browser {
  request (options: InjectOptions): Promise<Page>
  get (url: string, headers?: Record<string, string>): Promise<Page>
  post (url: string, payload?: InjectOptions['payload'], headers?: Record<string, string>): Promise<Page>
  /** Goes to a page as a person does, and follows redirects. */
  navigate (url: string, options?: InjectOptions): Promise<Page>
  cookie (name: string): string | undefined
  setCookie (name: string, value: string, path?: string): void
  /** Another browser with the same cookies: a thief's, or the same one in a parallel request. */
  clone (): Browser
  /** Drops the cookies that have no lifetime. */
  closeBrowser (): void
}

export const navigation = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'same-origin', accept: 'text/html' }

export function createBrowser (app: FastifyInstance, jar = new Map<string, Kept>()): Browser {
  return {
    request,
    get: (url, headers = {}) => request({ method: 'GET', url, headers }),
    post: (url, payload, headers = {}) => request({ method: 'POST', url, headers, ...(payload === undefined ? {} : { payload }) }),
    navigate,
    cookie: name => live().find(([key]) => key.startsWith(`${name};`))?.[1].value,
    setCookie: (name, value, path = '/') => { jar.set(`${name};${path}`, { value, path, expiresAt: undefined }) },
    clone: () => createBrowser(app, new Map(jar)),
    closeBrowser () {
      for (const [key, { expiresAt }] of jar) if (expiresAt === undefined) jar.delete(key)
    }
  }

  async function request (options: InjectOptions): Promise<Page> {
    const path = new URL(String(options.url), 'http://localhost').pathname
    const cookies = live().filter(([, kept]) => path === kept.path || path.startsWith(kept.path.endsWith('/') ? kept.path : `${kept.path}/`))
    const cookie = cookies.map(([key, { value }]) => `${key.slice(0, key.indexOf(';'))}=${value}`).join('; ')
    const response = await app.inject({ ...options, headers: { ...(cookie === '' ? {} : { cookie }), ...options.headers } })
    const header = response.headers['set-cookie']
    const setCookies = header === undefined ? [] : Array.isArray(header) ? header : [header]
    for (const line of setCookies) keep(line)
    return Object.assign(response, { setCookies, hops: [] })
  }

  async function navigate (url: string, options: InjectOptions = {}): Promise<Page> {
    let page = await request({ method: 'GET', ...options, url, headers: { ...navigation, ...options.headers } })
    const hops = []
    while (page.headers.location !== undefined && hops.length < 5) {
      hops.push(page.headers.location)
      page = await request({ method: 'GET', url: page.headers.location, headers: navigation })
    }
    return Object.assign(page, { hops })
  }

  function live (): Array<[string, Kept]> {
    return [...jar].filter(([, { expiresAt }]) => expiresAt === undefined || expiresAt > Date.now())
  }

  function keep (line: string): void {
    if (refusalOf(line) !== undefined) return
    const [pair, ...attributes] = line.split('; ')
    const separator = pair!.indexOf('=')
    const attribute = (name: string): string | undefined =>
      attributes.find(one => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
    const path = attribute('path') ?? '/'
    const maxAge = attribute('max-age')
    const expires = attribute('expires')
    const expiresAt = maxAge !== undefined ? Date.now() + Number(maxAge) * 1000 : expires !== undefined ? Date.parse(expires) : undefined
    const key = `${pair!.slice(0, separator)};${path}`
    if (expiresAt !== undefined && expiresAt <= Date.now()) jar.delete(key)
    else jar.set(key, { value: pair!.slice(separator + 1), path, expiresAt })
  }
}

/** Why a browser would refuse a line, by RFC 6265bis and CHIPS; undefined when it takes it. */
export function refusalOf (line: string): string | undefined {
  const [pair, ...attributes] = line.split('; ')
  const name = pair!.slice(0, pair!.indexOf('='))
  const has = (attribute: string): boolean => attributes.some(one => one.toLowerCase() === attribute.toLowerCase())
  const hasAny = (attribute: string): boolean => attributes.some(one => one.toLowerCase().startsWith(`${attribute}=`))
  if ((name.startsWith('__Host-') || name.startsWith('__Secure-')) && !has('Secure')) return 'a prefix without Secure'
  if (name.startsWith('__Host-') && (hasAny('domain') || !has('Path=/'))) return '__Host- with a Domain, or without Path=/'
  if (has('Partitioned') && !has('Secure')) return 'Partitioned without Secure'
  return has('SameSite=None') && !has('Secure') ? 'SameSite=None without Secure' : undefined
}
