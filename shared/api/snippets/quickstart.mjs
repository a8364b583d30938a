// Needs Node 20 or later, and nothing else. Call it with a recording of 3 to 45 minutes.
import { openAsBlob } from 'node:fs'

const api = process.env.PARLEY_URL + '/api/v1'
const call = async (path, options) => {
  const answer = await fetch(api + path, { ...options, headers: { 'X-API-Key': process.env.PARLEY_API_KEY } })
  const body = await answer.json()
  if (!answer.ok) throw new Error(`${body.error.code}: ${body.error.message}`)
  return body
}

const form = new FormData()
form.set('audio', await openAsBlob(process.argv[2]), 'interview')
form.set('externalId', 'interview-1042')
const accepted = await call('/speech/analyze', { method: 'POST', body: form })
let run
for (;;) {
  run = await call(`/speech/analyze/${accepted.id}`)
  if (run.completedAt) break
  await new Promise((done) => setTimeout(done, run.pollIntervalSeconds * 1000))
}
const { id, status, error, scores } = run
console.log(JSON.stringify({ id, status, error, scores }, null, 2))
