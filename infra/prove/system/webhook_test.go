package system_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"parley/infra/prove/contract"
	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
	"parley/shared/errcode"
)

// delivery is one webhook as received.
type delivery struct {
	header http.Header
	body   []byte
}

// Ensure that the end of a run is pushed: signed, with exactly the entry of the runs list, again
// after a failed try but not after a successful one; and that operators can see each try.
func TestWebhook(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 20)
	deliveries := make(chan delivery, 10)
	answers := make(chan int, 3)
	answers <- http.StatusInternalServerError
	answers <- http.StatusNoContent
	answers <- http.StatusNoContent
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := contract.CheckDelivery(contract.Delivery{Method: r.Method, Header: r.Header, Body: body}); err != nil {
			t.Error(err)
		}
		deliveries <- delivery{r.Header, body}
		w.WriteHeader(<-answers)
	}))
	defer server.Close()
	next := func() delivery {
		t.Helper()
		select {
		case d := <-deliveries:
			return d
		case <-time.After(patience):
			t.Fatal("no webhook came")
		}
		return delivery{}
	}

	id := c.accepted(silence(t, 200), "webhookUrl", server.URL+"/hook?a=b", "externalId", "application-7")
	first := next()
	r, err := s.admin.Tables.Get(t.Context(), id)
	must(t, err)
	if !r.Status.Terminal() {
		t.Errorf("a webhook came while the run was %s", r.Status)
	}
	second := next()
	signing, err := s.admin.Tables.Signing(t.Context(), c.id)
	must(t, err)
	for _, d := range []delivery{first, second} {
		must(t, webhook.Verify(signing.Secrets[0].Secret, d.header, d.body, time.Now()))
		if got := d.header.Get(webhook.IDHeader); got != webhook.ID(r) {
			t.Errorf("id %s, want %s", got, webhook.ID(r))
		}
	}
	list := c.call(http.MethodGet, "/runs?externalId=application-7", nil, nil)
	entry, _ := list.at("data").([]any)[0].(map[string]any)
	var told struct {
		Type, Timestamp string
		Data            map[string]any
	}
	must(t, json.Unmarshal(second.body, &told))
	delete(entry, "timestamp") // when each was made
	delete(told.Data, "timestamp")
	if told.Type != "run.completed" || told.Timestamp != entry["completedAt"] || !reflect.DeepEqual(told.Data, entry) {
		t.Errorf("told %s\nlisted %s", second.body, list.raw)
	}

	// The result is written after the answer.
	for end := time.Now().Add(time.Minute); r.Push.Outstanding() && time.Now().Before(end); c.pause(pace) {
		r, err = s.admin.Tables.Get(t.Context(), id)
		must(t, err)
	}
	if r.Push.Outstanding() || !r.Push.Delivered() || len(r.Push.Log) != 2 || r.Push.Log[0].Status != 500 || r.Push.Log[1].Status != 204 {
		t.Fatalf("%+v", r.Push)
	}
	if waited := r.Push.Log[1].At.Sub(r.Push.Log[0].At); waited < run.PushSchedule[0]*9/10-time.Second {
		t.Errorf("tried again after %s", waited)
	}
	c.pause(3 * sweepEvery)
	if len(deliveries) != 0 {
		t.Error("a webhook came again that was taken")
	}
	refused(t, c.submit(silence(t, 200), "webhookUrl", "https://169.254.169.254/latest/meta-data/"), http.StatusBadRequest, errcode.InvalidWebhookURL)
	c.audited()
}
