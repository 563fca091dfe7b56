import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'
import { root } from '../helpers/root.js'

const page = await readFile(new URL('docs/integrations.md', root), 'utf8')
const plugin = new URL('../../index.js', import.meta.url).href

/** The code blocks of docs/integrations.md, by the heading that they stand under. */
export const recipes = new Map(page.split(/^##+ /m).slice(1).map(section => {
  const code = Array.from(section.matchAll(/```js\n([\s\S]*?)```/g), ([, block]) => block!)
  return [section.slice(0, section.indexOf('\n')), code] as const
}).filter(([, code]) => code.length > 0))

/**
 * Runs the code under a heading of docs/integrations.md, as it stands there, on an application.
 * @param around what the reader of that code has around it, by name
 * @param block which one, where a heading has several
 */
export async function follow (heading: string, app: FastifyInstance, around: Record<string, unknown> = {}, block = 0): Promise<void> {
  const code = recipes.get(heading)?.[block]
  if (code === undefined) throw new Error(`docs/integrations.md has no code under the heading ${heading}`)
  const lines = code.split('\n')
  const isImport = (line: string): boolean => line.startsWith('import ')
  // A module of this form finds no packages by name.
  const imports = lines.filter(isImport).map(line => line.replace(/'(.+)'$/, (_, name: string) => `'${urlOf(name)}'`))
  const module = `${imports.join('\n')}
export default async function (app, { ${Object.keys(around).join(', ')} }) {
${lines.filter(line => !isImport(line)).join('\n')}
}`
  const { default: run }: { default: (app: FastifyInstance, around: object) => Promise<void> } = await import(`data:text/javascript,${encodeURIComponent(module)}`)
  await run(app, around)
}

function urlOf (name: string): string {
  return name === 'fastify-session-timeout' ? plugin : import.meta.resolve(name)
}
