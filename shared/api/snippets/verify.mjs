import { createHmac, timingSafeEqual } from 'node:crypto'

// Tells whether a webhook is ours: headers by lower-case names, body as received (a Buffer).
export function verify(secret, headers, body) {
  const id = headers['webhook-id'], at = headers['webhook-timestamp']
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= 5 * 60)) return false
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const want = createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest()
  return headers['webhook-signature'].split(' ').some((one) => {
    const got = Buffer.from(one.replace(/^v1,/, ''), 'base64')
    return one.startsWith('v1,') && got.length === want.length && timingSafeEqual(got, want)
  })
}
