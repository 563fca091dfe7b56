// Bundles the browser client and keeps it small: the build fails above the limit.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import { build, transform } from 'esbuild'

const limit = 4096
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
execFileSync(process.execPath, [tsc, '-p', 'client/tsconfig.json'], { stdio: 'inherit' })

const compactCss = {
  name: 'compact-css',
  setup (build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true, target: 'safari16' })
      return { contents: code.trim(), loader: 'text' }
    })
  }
}

const common = { bundle: true, format: 'esm', target: 'es2021', legalComments: 'none', charset: 'utf8', plugins: [compactCss] }
await build({ ...common, entryPoints: ['client/index.ts'], outfile: 'dist/client/index.js' })
await build({ ...common, entryPoints: ['client/standalone.ts'], outfile: 'dist/client/standalone.js', minify: true })

const size = gzipSync(readFileSync('dist/client/standalone.js'), { level: 9 }).length
console.log(`browser client: ${size} bytes gzipped, of ${limit}`)
if (size > limit) throw new Error('The browser client is too large')
