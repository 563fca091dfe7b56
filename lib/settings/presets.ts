import { day, hour, minute } from '../clock.js'

/** Ready-made limits, to spread into the options: `{ ...policies.nistAal2, endpoint: '/session-timeout' }`. */
export const policies = Object.freeze({
  /** NIST SP 800-63B-4, 2.1.3: overall SHOULD be at most 30 days; no inactivity limit is asked for. */
  nistAal1: Object.freeze({ idleTimeout: false, absoluteTimeout: 30 * day } as const),
  /** NIST SP 800-63B-4, 2.2.3: overall SHOULD be at most 24 hours, inactivity SHOULD be at most 1 hour. */
  nistAal2: Object.freeze({ idleTimeout: hour, absoluteTimeout: 24 * hour } as const),
  /** NIST SP 800-63B-4, 2.3.3: overall SHALL be at most 12 hours, inactivity SHOULD be at most 15 minutes. */
  nistAal3: Object.freeze({ idleTimeout: 15 * minute, absoluteTimeout: 12 * hour } as const),
  /** PCI DSS 4, 8.2.8: re-authenticate after more than 15 minutes of inactivity. The absolute limit is the plugin's default. */
  pciDss: Object.freeze({ idleTimeout: 15 * minute } as const),
  /** OWASP Session Management Cheat Sheet: 2-5 minutes idle for high-value applications, 4-8 hours absolute. */
  owaspHighValue: Object.freeze({ idleTimeout: 5 * minute, absoluteTimeout: 4 * hour } as const),
  /** OWASP Session Management Cheat Sheet: 15-30 minutes idle for low-risk applications, 4-8 hours absolute. */
  owaspLowRisk: Object.freeze({ idleTimeout: 30 * minute, absoluteTimeout: 8 * hour } as const)
})
