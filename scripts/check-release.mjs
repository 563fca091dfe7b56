// Refuses a release that npm or its users could not trace: run by the release workflow, and by hand before tagging.
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const root = pathToFileURL(`${process.argv[2] ?? '.'}/`)
const { TAG, REPOSITORY } = process.env
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
const changelog = readFileSync(new URL('CHANGELOG.md', root), 'utf8')

const wanted = {
  repository: 'where the source is: { "type": "git", "url": "git+https://.../fastify-session-timeout.git" }. Provenance is refused without it',
  bugs: 'where faults are reported: { "url": "https://.../issues" }',
  homepage: 'the page that npm links to, for instance the address of the README',
  author: 'who answers for it: "Name <address> (page)"'
}

const problems = Object.entries(wanted).filter(([field]) => isEmpty(manifest[field])).map(([field, what]) => `package.json has no "${field}": ${what}.`)
const { repository } = manifest
const url = typeof repository === 'string' ? repository : repository?.url
if (REPOSITORY && url && !url.toLowerCase().includes(REPOSITORY.toLowerCase())) {
  problems.push(`package.json says that the source is at ${url}, but this is ${REPOSITORY}: provenance needs the two to be the same.`)
}
if (TAG !== undefined && TAG !== `v${manifest.version}`) {
  problems.push(`The tag is ${TAG} and package.json says ${manifest.version}: tag v${manifest.version}, or change the version.`)
}
const heading = changelog.split('\n').find(line => line.startsWith(`## ${manifest.version} `))
if (heading === undefined) problems.push(`CHANGELOG.md has no "## ${manifest.version} - date".`)
else if (!/ - \d{4}-\d{2}-\d{2}$/.test(heading)) problems.push(`CHANGELOG.md gives no date for ${manifest.version}: "${heading}".`)

if (problems.length > 0) {
  console.error(`Not to be published yet:\n${problems.map(problem => `- ${problem}`).join('\n')}`)
  process.exitCode = 1
} else console.log(`${manifest.name} ${manifest.version} may be published.`)

function isEmpty (value) {
  const text = typeof value === 'object' && value !== null ? value.url ?? value.name : value
  return typeof text !== 'string' || text.trim() === ''
}
