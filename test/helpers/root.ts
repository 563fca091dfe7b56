import { existsSync } from 'node:fs'

/** The folder of the repository: where tests find documents, examples and the build, compiled or not. */
export const root = folderOfPackage(new URL('.', import.meta.url))

function folderOfPackage (folder: URL): URL {
  return existsSync(new URL('package.json', folder)) ? folder : folderOfPackage(new URL('..', folder))
}
