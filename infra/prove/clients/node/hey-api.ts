// Submits and reads with the client that hey-api's openapi-ts makes.
import { client } from './hey-api/client.gen'
import { getRun, submitRecording } from './hey-api/sdk.gen'
import * as with_ from './say'

client.setConfig({ baseUrl: with_.url, auth: (a) => (a.type === 'apiKey' ? with_.key : undefined) })

const form = { externalId: with_.externalId, tags: with_.tags, metadata: with_.metadata, allowPartial: 'true' as const }
async function main() {
  const refused = await submitRecording({ body: { ...form, audio: with_.short, cutSettings: with_.cutSettings } })
  const accepted = await submitRecording({ body: { ...form, audio: with_.recording }, headers: { 'Idempotency-Key': with_.repeat } })
  if (!accepted.data) throw new Error(JSON.stringify(accepted.error))
  for (;;) {
    const { data: run, error } = await getRun({ path: { id: accepted.data.id } })
    if (run && 'transcript' in run) {
      with_.say({
        refusal: refused.error?.error.code, id: accepted.data.id, status: run.status, fluency: run.scores?.fluency, level: run.scores?.accentCefr,
        words: run.transcript?.segments.reduce((n, s) => n + s.words.length, 0), measures: run.analysis?.fluency.measures.length,
      })
      break
    }
    await with_.wait(run?.pollIntervalSeconds ?? error?.error.retryAfterSeconds ?? 1)
  }
}

void main()
