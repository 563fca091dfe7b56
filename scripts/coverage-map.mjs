// What tests are to cover: the plugin. Without this, whatever a test happens to load would count.
import { readdirSync } from 'node:fs'

const plugin = ['index.ts', ...readdirSync(new URL('../lib', import.meta.url), { recursive: true }).filter(name => name.endsWith('.ts')).map(name => `lib/${name}`)]

export default () => plugin
