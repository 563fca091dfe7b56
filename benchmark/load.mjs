// The load, in a process of its own that stays: it is told { url, cookie } with { seconds } or { amount }, and answers what it measured.
import autocannon from 'autocannon'

process.on('message', async ({ url, cookie, seconds, amount }) => {
  const { requests, latency, duration, non2xx, errors } = await autocannon({ url, connections: 20, headers: { cookie }, ...amount ? { amount, sampleInt: 20 } : { duration: seconds } })
  process.send({ rate: requests.total / duration, p50: latency.p50, p99: latency.p99, failed: non2xx + errors })
})
