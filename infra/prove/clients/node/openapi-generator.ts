// Submits and reads with the client that openapi-generator's typescript-fetch makes.
import { Configuration, ResponseError, SpeechApi, type ModelError, type SubmitRecordingRequest } from './openapi-generator/index'
import * as with_ from './say'

const client = new SpeechApi(new Configuration({ basePath: with_.url, apiKey: (name) => (name === 'X-API-Key' ? with_.key : '') }))

const form: SubmitRecordingRequest = { externalId: with_.externalId, tags: with_.tags, metadata: with_.metadata, allowPartial: 'true' }
async function main() {
  const refused: ModelError = await client.submitRecording({ ...form, audio: with_.short, cutSettings: with_.cutSettings }).then(
    () => { throw new Error('the short recording was accepted') },
    (e: unknown) => { if (e instanceof ResponseError) return e.response.json() as Promise<ModelError>; throw e },
  )
  const accepted = await client.submitRecording({ ...form, audio: with_.recording, idempotencyKey: with_.repeat })
  for (;;) {
    const run = await client.getRun({ id: accepted.id }).catch((e: unknown) => { if (e instanceof ResponseError && e.response.status === 429) return undefined; throw e })
    if (run && 'transcript' in run) {
      with_.say({
        refusal: refused.error.code, id: accepted.id, status: run.status, fluency: run.scores?.fluency, level: run.scores?.accentCefr,
        words: run.transcript?.segments.reduce((n, s) => n + s.words.length, 0), measures: run.analysis?.fluency.measures.length,
      })
      break
    }
    await with_.wait(run?.pollIntervalSeconds ?? 1)
  }
}

void main()
