// What tests are to cover: the plugin, every file of it. Without this, whatever a test happens to load would count.
import { readdirSync } from 'node:fs'

const lib = readdirSync(new URL('../../lib', import.meta.url), { recursive: true })
const plugin = ['index.ts', ...lib.filter(name => name.endsWith('.ts')).map(name => `lib/${name.replaceAll('\\', '/')}`)]

export default () => plugin
