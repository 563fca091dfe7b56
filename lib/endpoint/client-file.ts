import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import type { Settings } from '../settings/options.js'
import { createStaticFile, type StaticFile } from './static-file.js'

/** The browser client as it is served, with the policy. Nothing in it depends on the request. */
export function buildClientFile ({ afterTimeout, fixedInterval }: Settings): StaticFile {
  const config = {
    // An idle limit that differs by request is not known here; the client then finds out by itself.
    ...(fixedInterval === undefined ? {} : { touchInterval: fixedInterval }),
    ...(typeof afterTimeout === 'object' ? afterTimeout : {})
  }
  return createStaticFile(readFileSync(clientPath(), 'utf8').replace('__SESSION_TIMEOUT_CONFIG__', () => JSON.stringify(config)))
}

/** What the client loads once there is a session: the dialog. */
export function readDisplayFile (): StaticFile {
  return createStaticFile(readFileSync(join(dirname(clientPath()), 'display.js'), 'utf8'))
}

/** The client's texts by language, such as `de`: no page loads more than the one that it speaks. */
export function readLanguageFiles (): ReadonlyMap<string, StaticFile> {
  const folder = join(dirname(clientPath()), 'languages')
  return new Map(readdirSync(folder).map(name => [basename(name, '.json'), createStaticFile(readFileSync(join(folder, name), 'utf8'))]))
}

/** By the package's own name: the same from the sources and from the build. */
function clientPath (): string {
  return createRequire(import.meta.url).resolve('fastify-session-timeout/client/standalone.js')
}
