import { createHash } from 'node:crypto'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

/** One form of a response, compressed or not. */
export interface Variant {
  readonly encoding: 'br' | 'gzip' | null
  readonly body: string | Buffer
  readonly etag: string
}

/** A response that is made once, in every form that browsers take. */
export interface StaticFile {
  /** The best first. */
  readonly compressed: readonly Variant[]
  readonly plain: Variant
}

export function createStaticFile (body: string): StaticFile {
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_MAX_QUALITY: best } = constants
  return Object.freeze({
    compressed: [
      createVariant('br', brotliCompressSync(body, { params: { [quality]: best } })),
      createVariant('gzip', gzipSync(body, { level: 9 }))
    ],
    plain: createVariant(null, body)
  })
}

/** The form for a request's Accept-Encoding. One that is refused, by a quality of 0, is not taken. */
export function chooseVariant (file: StaticFile, accepted: string | undefined): Variant {
  const encodings = new Set<string | null>((accepted ?? '').split(',').map(one => one.trim().toLowerCase())
    .filter(one => !/;\s*q=0(\.0*)?$/.test(one)).map(one => one.replace(/;.*/s, '').trim()))
  return file.compressed.find(({ encoding }) => encodings.has(encoding)) ?? file.plain
}

function createVariant (encoding: Variant['encoding'], body: string | Buffer): Variant {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`
  return Object.freeze({ encoding, body, etag })
}
