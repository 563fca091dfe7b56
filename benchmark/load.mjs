// The load, in a process of its own: node load.mjs <url> <cookie> <seconds>
import autocannon from 'autocannon'

const [url, cookie, seconds] = process.argv.slice(2)
const { requests, latency, non2xx, errors } = await autocannon({ url, connections: 20, duration: Number(seconds), headers: { cookie } })
process.send({ rate: requests.average, p50: latency.p50, p99: latency.p99, failed: non2xx + errors })
