/**
 * The endpoint's whole URL. Against the page's address, not against <base>, which may be another site's.
 * @throws TypeError
 */
export function resolveEndpoint (endpoint: unknown): URL {
  if (typeof endpoint !== 'string' || !/^(?:https?:\/\/|\/(?!\/))[^?#]+$/.test(endpoint)) {
    throw new TypeError(`endpoint must be a path such as '/session-timeout' or a URL, received ${String(endpoint)}`)
  }
  return new URL(endpoint.replace(/\/+$/, ''), location.href)
}
