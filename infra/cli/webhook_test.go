package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/webhook"
)

func TestTheListenerChecksWhatItShows(t *testing.T) {
	now := time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
	secret, err := account.NewSigningSecret(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(`{"type":"run.completed","data":{"id":"req_a","status":"success","scores":{"overall":3.5}}}`)
	signed, err := webhook.Signatures([]account.SigningSecret{secret}, "msg_1", now, body)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		method    string
		body      string
		signature string
		ear       *listener
		status    int
		shows     string
	}{
		"a valid one":           {"POST", string(body), signed, &listener{secret: secret, status: 204}, 204, `run "req_a"  "success"  overall 3.5  signature valid  answered 204`},
		"a forged one":          {"POST", string(body), "v1,AAAA", &listener{secret: secret, status: 204}, 401, "signature invalid (webhook: no signature was made with this secret)  answered 401"},
		"a changed one":         {"POST", string(body) + " ", signed, &listener{secret: secret, status: 204}, 401, "signature invalid"},
		"one that is unchecked": {"POST", string(body), "", &listener{status: 500}, 500, "signature unchecked  answered 500"},
		"one as JSON":           {"POST", string(body), "", &listener{status: 204, json: true}, 204, `"id":"msg_1"`},
		"what is no JSON":       {"POST", "\x1b[2J", "", &listener{status: 204, json: true}, 204, `"body":null`},
		"too much":              {"POST", strings.Repeat(" ", maxDelivery+1), "", &listener{status: 204}, 400, ""},
		"what is not posted":    {"GET", "", "", &listener{status: 204}, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tt.ear.out, tt.ear.clock = &out, clock.At(now)
			r := httptest.NewRequest(tt.method, "/hook", strings.NewReader(tt.body))
			r.Header.Set(webhook.IDHeader, "msg_1")
			r.Header.Set(webhook.TimestampHeader, "1776772800")
			r.Header.Set(webhook.SignatureHeader, tt.signature)
			w := httptest.NewRecorder()
			tt.ear.ServeHTTP(w, r)
			if w.Code != tt.status || !strings.Contains(out.String(), tt.shows) || tt.shows == "" && out.Len() > 0 {
				t.Errorf("%d %s", w.Code, out.String())
			}
			if strings.Contains(out.String(), secret.Reveal()) || tt.ear.json && !json.Valid(out.Bytes()) {
				t.Error(out.String())
			}
		})
	}
}

func TestTheListenersSecretComesFromTheEnvironment(t *testing.T) {
	t.Setenv(secretEnv, "whsec_short")
	if _, errs, exit := parley(t, "webhook", "listen"); exit != exitUsage || !strings.Contains(errs, secretEnv) {
		t.Errorf("exit %d: %s", exit, errs)
	}
	if _, errs, exit := parley(t, "webhook", "listen", "--secret", "whsec_other"); exit != exitUsage || !strings.Contains(errs, "--secret") {
		t.Errorf("exit %d: %s", exit, errs)
	}
	if out, _, _ := parley(t, "webhook", "listen", "--help"); strings.Contains(out, "whsec_short") {
		t.Error("the help shows it")
	}
}
