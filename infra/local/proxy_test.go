package local

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/errcode"
)

// front returns the proxy in front of a stand-in for the emulated gateway.
func front(t *testing.T, patience time.Duration, gateway http.HandlerFunc) string {
	t.Helper()
	back := httptest.NewServer(gateway)
	t.Cleanup(back.Close)
	proxy := httptest.NewServer(newGateway(System{Endpoint: back.URL, Outputs: map[string]string{"ApiId": "abc", "ApiStage": "live"}}, nil, patience, make(chan struct{}, maxForwarded)))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func do(t *testing.T, req *http.Request, err error) (int, http.Header, []byte) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() // read to its end
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

func envelope(t *testing.T, body []byte) api.EnvelopeError {
	t.Helper()
	var e struct {
		Error struct {
			Code      errcode.Code
			Message   string
			Timestamp time.Time
			RequestID string `json:"requestId"`
			Details   map[string]any
		}
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("not an envelope: %v: %s", err, body)
	}
	if e.Error.Message == "" || e.Error.Timestamp.IsZero() {
		t.Errorf("envelope without a message or time: %s", body)
	}
	return api.EnvelopeError{Code: e.Error.Code, RequestID: e.Error.RequestID, Details: e.Error.Details}
}

func TestShortPathsReachTheStage(t *testing.T) {
	url := front(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Method, " ", r.URL.Path, "?", r.URL.RawQuery, " ", r.Header.Get("X-Api-Key"), " ", r.Header.Get("X-Forwarded-For"))
	})
	req, err := http.NewRequest(http.MethodDelete, url+"/api/v1/speech/analyze/req_1?a=b&a=c&d=%zz&e=٣", nil)
	if err == nil {
		req.Header.Set("X-Api-Key", "k")
		req.Header.Set("X-Forwarded-For", "203.0.113.9") // as a client might forge it
	}
	status, _, body := do(t, req, err)
	want := "DELETE /_aws/execute-api/abc/live/api/v1/speech/analyze/req_1?a=b&a=c&d=%zz&e=%D9%A3 k 127.0.0.1"
	if status != 200 || string(body) != want {
		t.Errorf("%d %s, want 200 %s", status, body, want)
	}
}

// Ensure that an offer to switch to HTTP/2, which Java's client makes, does not reach the emulator.
func TestNoSwitchToHTTP2(t *testing.T) {
	url := front(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("Connection"), r.Header.Get("Upgrade"), r.Header.Get("Http2-Settings"), "end")
	})
	req, err := http.NewRequest(http.MethodGet, url+"/api/v1/health", nil)
	if err == nil {
		req.Header.Set("Connection", "Upgrade, HTTP2-Settings")
		req.Header.Set("Upgrade", "h2c")
		req.Header.Set("Http2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA")
	}
	if status, _, body := do(t, req, err); status != http.StatusOK || string(body) != "end" {
		t.Errorf("HTTP %d %s", status, body)
	}
}

// Ensure that a request whose turn does not come is told to try again, and that one whose turn
// comes is forwarded.
func TestRequestsWaitTheirTurn(t *testing.T) {
	forwarded := 0
	back := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { forwarded++ }))
	defer back.Close()
	turns := make(chan struct{}, 1)
	ask := func(patience time.Duration) (int, http.Header, []byte) {
		proxy := httptest.NewServer(newGateway(System{Endpoint: back.URL}, nil, patience, turns))
		defer proxy.Close()
		req, err := http.NewRequest(http.MethodGet, proxy.URL+"/api/v1/health", nil)
		return do(t, req, err)
	}

	turns <- struct{}{} // another request has the only turn
	status, header, body := ask(time.Millisecond)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "1" || envelope(t, body).Code != errcode.RateLimitExceeded || forwarded != 0 {
		t.Errorf("without a turn: %d, Retry-After %q, %s, %d forwarded", status, header.Get("Retry-After"), body, forwarded)
	}
	<-turns
	if status, _, body := ask(time.Minute); status != http.StatusOK || forwarded != 1 || len(turns) != 0 {
		t.Errorf("with a turn: %d %s, %d forwarded, %d turns taken afterwards", status, body, forwarded, len(turns))
	}
}

// Ensure that headers at the gateway's limit pass and longer ones are refused in the envelope.
func TestHeadersHaveTheGatewaysLimit(t *testing.T) {
	url := front(t, time.Minute, func(http.ResponseWriter, *http.Request) {})
	send := func(filling int) (int, []byte) {
		req, err := http.NewRequest(http.MethodGet, url+"/api/v1/health", nil)
		if err == nil {
			req.Header = http.Header{"User-Agent": {"t"}, "Accept-Encoding": {"identity"}, "X-Filling": {strings.Repeat("x", filling)}}
		}
		status, _, body := do(t, req, err)
		return status, body
	}
	const rest = len("User-Agent: t\r\nAccept-Encoding: identity\r\nX-Filling: \r\nHost: \r\n")
	most := maxHeaders - rest - len(strings.TrimPrefix(url, "http://"))
	if status, body := send(most); status != http.StatusOK {
		t.Errorf("at the limit: %d %s", status, body)
	}
	for _, over := range []int{1, 5 * maxHeaders} {
		if status, body := send(most + over); status != http.StatusBadRequest || !strings.Contains(string(body), `"code":"INVALID_PARAMETERS"`) {
			t.Errorf("%d over it: %d %s", over, status, body)
		}
	}
}

// Ensure that a request with two lengths is refused in the envelope, on the first request of a
// connection and on a later one, that nothing of it reaches the gateway, and that the connection is
// closed; and that a request with either, whatever its body, is passed on with its true length.
func TestARequestWithTwoLengths(t *testing.T) {
	var mu sync.Mutex
	var passed []string
	back := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		passed = append(passed, fmt.Sprint(r.ContentLength, r.TransferEncoding, string(body), err))
	}))
	t.Cleanup(back.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := startProxy(listener, System{Endpoint: back.URL, Outputs: map[string]string{"ApiId": "abc", "ApiStage": "live"}}, nil)
	t.Cleanup(p.stop)
	const post, get, chunks = "POST /api/v1/speech/uploads HTTP/1.1\r\nHost: x\r\n", "GET /api/v1/runs HTTP/1.1\r\nHost: x\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"
	const alike = "\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n\n"
	both := post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
	for _, tt := range []struct {
		name   string
		sent   []string // each after the answer to the one before
		want   []int
		passed []string
	}{
		{"both", []string{both}, []int{400}, nil},
		{"in the other order and another case", []string{post + "tRANSFER-encoding: chunked\r\ncontent-LENGTH: 999999\r\n\r\n" + chunks}, []int{400}, nil},
		{"with bare line feeds", []string{strings.ReplaceAll(post+"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "\r", "") + chunks}, []int{400}, nil},
		{"with a request inside", []string{post + "Content-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get}, []int{400}, nil},
		{"on a connection that is kept", []string{get, post + "Content-Length: 5\r\n\r\nhello", both}, []int{200, 200, 400}, []string{"0 []<nil>", "5 []hello<nil>"}},
		{"chunks alone", []string{post + "Transfer-Encoding: chunked\r\n\r\n" + chunks, get}, []int{200, 200}, []string{"5 []hello<nil>", "0 []<nil>"}},
		{"a body that looks like a head", []string{post + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(alike)) + alike, get}, []int{200, 200},
			[]string{fmt.Sprintf("%d []%s<nil>", len(alike), alike), "0 []<nil>"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			passed = nil
			conn, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			for i, sent := range tt.sent {
				if _, err := io.WriteString(conn, sent); err != nil {
					t.Fatal(err)
				}
				res, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if err != nil || res.StatusCode != tt.want[i] {
					t.Fatalf("request %d: %d %s, %v", i, res.StatusCode, body, err)
				}
				if res.StatusCode != http.StatusBadRequest {
					continue
				}
				if e := envelope(t, body); e.Code != errcode.InvalidParameters || !res.Close {
					t.Errorf("%s, closed %v", body, res.Close)
				}
				if _, err := answers.ReadByte(); err == nil {
					t.Error("the connection stays open")
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(passed, tt.passed) {
				t.Errorf("passed on: %q, want %q", passed, tt.passed)
			}
		})
	}
}

func TestABodyThatBreaksOffIsNoSuccess(t *testing.T) {
	url := front(t, time.Minute, func(http.ResponseWriter, *http.Request) { t.Error("it reached the gateway") })
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /api/v1/speech/analyze HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || strings.Contains(string(answer), " 200 ") {
		t.Errorf("%q %v", answer, err)
	}
}

func TestBodiesHaveTheGatewaysLimits(t *testing.T) {
	url := front(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != r.ContentLength {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	// In base64, 3 bytes become 4; headers and the rest of an event take about 3 KB.
	inline := (MaxPayload - 3<<10) / 4 * 3
	for _, tc := range []struct {
		name, kind string
		size, want int
	}{
		{"multipart that fits into an event", "multipart/form-data; boundary=x", inline, 200},
		{"multipart that in base64 does not", "multipart/form-data; boundary=x", inline + 4<<10, 413},
		{"text that fits into an event", "application/json", MaxPayload - 3<<10, 200},
		{"text that does not", "application/json", MaxPayload, 413},
		{"more than the gateway takes", "application/octet-stream", MaxBody + 1, 413},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodPost, url+"/api/v1/speech/analyze", bytes.NewReader(bytes.Repeat([]byte("x"), tc.size)))
			if err == nil {
				req.Header.Set("Content-Type", tc.kind)
			}
			status, _, body := do(t, req, err)
			if status != tc.want {
				t.Fatalf("status %d, want %d", status, tc.want)
			}
			if status == 413 {
				if e := envelope(t, body); e.Code != errcode.RequestTooLarge || e.Details["uploadsUrl"] != "/api/v1/speech/uploads" || e.RequestID != "" {
					t.Errorf("envelope %s", body)
				}
			}
		})
	}
}

func TestMultipartArrivesWhole(t *testing.T) {
	url := front(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("audio")
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.Copy(w, file)
	})
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("audio", "a.wav")
	if err == nil {
		_, err = part.Write([]byte{0, 255, 1, 254})
	}
	if err != nil || m.Close() != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, url+"/x", &form)
	if err == nil {
		req.Header.Set("Content-Type", m.FormDataContentType())
	}
	if _, _, body := do(t, req, err); !bytes.Equal(body, []byte{0, 255, 1, 254}) {
		t.Errorf("arrived as %v", body)
	}
}

func TestFailuresAreAnsweredInTheEnvelope(t *testing.T) {
	ours := `{"error":{"code":"SERVICE_WARMING_UP","message":"m","timestamp":"2026-01-02T03:04:05.678Z"}}`
	answer := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("how") {
		case "leak":
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, `{"errorMessage":"secret of the function","errorType":"errorString"}`)
		case "ours":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, ours)
		case "long":
			_, _ = io.WriteString(w, strings.Repeat("x", MaxPayload+1))
		case "limit":
			_, _ = io.WriteString(w, strings.Repeat("x", MaxPayload))
		case "slow":
			<-r.Context().Done() // until the proxy gives up
		}
	}
	for how, want := range map[string]int{"leak": 500, "ours": 503, "long": 500, "limit": 200, "slow": 500} {
		t.Run(how, func(t *testing.T) {
			patience := time.Hour
			if how == "slow" {
				patience = time.Millisecond
			}
			req, err := http.NewRequest(http.MethodGet, front(t, patience, answer)+"/?how="+how, nil)
			status, _, body := do(t, req, err)
			if status != want || strings.Contains(string(body), "secret") {
				t.Fatalf("%d %.200s, want %d", status, body, want)
			}
			switch {
			case how == "ours" && string(body) != ours:
				t.Errorf("our own answer became %s", body)
			case status == 500:
				if e := envelope(t, body); e.Code != errcode.InternalError {
					t.Errorf("code %s", e.Code)
				}
			}
		})
	}
}
