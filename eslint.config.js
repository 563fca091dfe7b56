import { createNodeResolver, importX } from 'eslint-plugin-import-x'
import neostandard from 'neostandard'

// The houses, each from the roof down: a folder imports only from folders below it, and the ground from none of them.
const houses = [
  { house: 'lib', roof: [], folders: ['endpoint', 'request', 'session', 'store', 'settings'], ground: ['policy', 'errors', 'clock', 'is-thenable'] },
  {
    house: 'client',
    roof: ['index', 'standalone', 'start', 'client'],
    folders: ['display', 'page', 'session'],
    ground: ['clock', 'listen', 'style-sheet', 'types', 'endpoint']
  }
]
const zones = houses.flatMap(({ house, roof, folders, ground }) => {
  const files = names => names.map(name => `./${house}/${name}.ts`)
  const above = [files(roof), ...folders.map(folder => [`./${house}/${folder}`]), files(ground)]
  const floors = above.map((target, floor) => ({ target, from: above.slice(0, floor).flat() }))
  const message = `${house}/ has layers: a folder imports only from folders below it (docs/architecture.md)`
  return floors.filter(({ target, from }) => target.length > 0 && from.length > 0).map(zone => ({ ...zone, message }))
})

export default [
  ...neostandard({ ts: true, ignores: ['dist', '.tap', '.compiled', 'coverage'] }),
  {
    files: ['index.ts', 'lib/**/*.ts', 'stores/**/*.ts', 'client/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'], extensionAlias: { '.js': ['.ts', '.js'] } })]
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }]
    }
  },
  {
    files: ['index.ts', 'lib/**/*.ts', 'client/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'error' }
  },
  {
    files: ['lib/policy.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['fastify', '@fastify/*'] }] }
  },
  {
    files: ['index.ts', 'lib/**/*.ts', 'client/**/*.ts', 'types/**/*.ts'],
    rules: { '@stylistic/max-len': ['error', { code: 120, ignoreComments: true, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true }] }
  }
]
