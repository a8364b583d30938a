import java.io.File;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.SpeechApi;
import org.openapitools.client.model.AcceptedRun;
import org.openapitools.client.model.Error;
import org.openapitools.client.model.FinishedRun;
import org.openapitools.client.model.LiveRun;
import org.openapitools.client.model.Run;
import org.openapitools.client.model.Segment;

/** Submits and reads with the client of openapi-generator's java and its native library. */
public class Try {
    private static final String KEY = System.getenv("PARLEY_API_KEY");

    public static void main(String[] args) throws Exception {
        ApiClient settings = new ApiClient();
        settings.updateBaseUri(System.getenv("PARLEY_URL") + "/api/v1");
        settings.setRequestInterceptor(request -> request.header("X-API-Key", KEY));
        SpeechApi client = new SpeechApi(settings);

        String refusal = null;
        try {
            submit(client, "PARLEY_SHORT", null);
        } catch (ApiException e) {
            refusal = ApiClient.createDefaultObjectMapper().readValue(e.getResponseBody(), Error.class).getError().getCode().toString();
        }
        AcceptedRun accepted = submit(client, "PARLEY_RECORDING", System.getenv("PARLEY_IDEMPOTENCY"));
        while (true) {
            Object run;
            try {
                run = client.getRun(accepted.getId()).getActualInstance();
            } catch (ApiException e) {
                if (e.getCode() != 429) {
                    throw e;
                }
                Thread.sleep(1000);
                continue;
            }
            if (run instanceof LiveRun) {
                Thread.sleep(1000L * ((LiveRun) run).getPollIntervalSeconds());
                continue;
            }
            FinishedRun end = (FinishedRun) run;
            int words = 0;
            for (Segment s : end.getTranscript().getSegments()) {
                words += s.getWords().size();
            }
            System.out.printf("{\"refusal\":\"%s\",\"id\":\"%s\",\"status\":\"%s\",\"fluency\":%s,\"level\":\"%s\",\"words\":%d,\"measures\":%d}%n",
                    refusal, accepted.getId(), end.getStatus(), end.getScores().getFluency(), end.getScores().getAccentCefr(), words,
                    end.getAnalysis().getFluency().getMeasures().size());
            return;
        }
    }

    /**
     * Leaves out metadata and cutSettings: openapi-generator's Java writes an object in a form as
     * Java's own text for it, not as JSON.
     */
    private static AcceptedRun submit(SpeechApi client, String file, String key) throws ApiException {
        return client.submitRecording(key, new File(System.getenv(file)), null, null, "clients-1", null, List.of("june", "support team"),
                null, "true", null, null, null);
    }
}
