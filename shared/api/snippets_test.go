package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/api/snippets/verify"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
)

// has skips the test unless a language is installed.
func has(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
}

// quickStarts are the programs of the quick start: what each needs, and how it is run.
var quickStarts = map[string]struct{ needs, line []string }{
	"curl":       {[]string{"sh", "curl", "jq"}, []string{"sh", "snippets/quickstart.sh"}},
	"Go":         {[]string{"go"}, []string{"go", "run", "./snippets/quickstart"}},
	"Python":     {[]string{"python3"}, []string{"python3", "snippets/quickstart.py"}},
	"JavaScript": {[]string{"node"}, []string{"node", "snippets/quickstart.mjs"}},
}

// Ensure that each program of the quick start submits a recording, polls its run and prints the
// scores.
func TestTheQuickStartRuns(t *testing.T) {
	for language, tt := range quickStarts {
		t.Run(language, func(t *testing.T) {
			has(t, tt.needs...)
			h := newHouse(t)
			front := api.All(h.deps)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answer := httptest.NewRecorder()
				front.ServeHTTP(answer, r)
				if answer.Code == http.StatusAccepted { // the run ends before its first poll
					var accepted struct{ ID run.ID }
					if err := json.Unmarshal(answer.Body.Bytes(), &accepted); err != nil {
						t.Error(err)
					}
					h.succeed(accepted.ID, reportJSON)
				}
				maps.Copy(w.Header(), answer.Header())
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			}))
			defer server.Close()
			recording := filepath.Join(t.TempDir(), "interview.flac")
			if err := os.WriteFile(recording, fourMinutesOf(t), 0o600); err != nil {
				t.Fatal(err)
			}
			c := exec.CommandContext(t.Context(), tt.line[0], append(tt.line[1:], recording)...)
			c.Env = append(os.Environ(), "PARLEY_URL="+server.URL, "PARLEY_API_KEY="+h.secret)
			var complaint bytes.Buffer
			c.Stderr = &complaint
			out, err := c.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, complaint.Bytes())
			}
			var got struct {
				ID, Status string
				Scores     map[string]any
			}
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			runs := h.get("/runs?externalId=interview-1042").ids()
			if len(runs) != 1 || runs[0] != got.ID || got.Status != "success" || got.Scores["fluency"] == nil {
				t.Errorf("printed %s, the runs are %v", out, runs)
			}
		})
	}
}

func fourMinutesOf(t *testing.T) []byte {
	t.Helper()
	return []byte(fourMinutes + strings.Repeat(" ", 100))
}

// verifiers run the programs that check a webhook, with secret, id, timestamp and signature as
// arguments and the body as standard input. They print true or false.
var verifiers = map[string]struct {
	needs []string
	files map[string]string // the program around the snippet
	line  []string
}{
	"Python": {needs: []string{"python3"}, line: []string{"python3", "main.py"}, files: map[string]string{"main.py": `
import sys
from verify import verify
_, secret, id, at, signature = sys.argv
print(str(verify(secret, {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature}, sys.stdin.buffer.read())).lower())
`}},
	"JavaScript": {needs: []string{"node"}, line: []string{"node", "main.mjs"}, files: map[string]string{"main.mjs": `
import { readFileSync } from 'node:fs'
import { verify } from './verify.mjs'
const [secret, id, at, signature] = process.argv.slice(2)
console.log(verify(secret, { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature }, readFileSync(0)))
`}},
	"Java": {needs: []string{"java", "javac"}, line: []string{"java", "-cp", ".", "Main"}, files: map[string]string{"Main.java": `
import java.util.Map;
class Main {
    public static void main(String[] a) throws Exception {
        System.out.println(Verify.verify(a[0], Map.of("webhook-id", a[1], "webhook-timestamp", a[2], "webhook-signature", a[3]), System.in.readAllBytes()));
    }
}
`}},
}

// Ensure that the programs that check a webhook accept what we sign and refuse anything else.
func TestTheVerifiersKnowOurSignatures(t *testing.T) {
	const id, body = "msg_req_aaaaaaaaaaaaaaaaaaaaaaaaaa_1", `{"type":"run.completed","data":{"note":"é"}}`
	secret, err := account.NewSigningSecret(strings.NewReader(strings.Repeat("a", 64)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := account.NewSigningSecret(strings.NewReader(strings.Repeat("b", 64)))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(at time.Time, secrets ...account.SigningSecret) string {
		s, err := webhook.Signatures(secrets, id, at, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	now := time.Now()
	trials := map[string]struct {
		at              time.Time
		id, sent, signs string
		want            bool
	}{
		"ours":                       {now, id, body, sign(now, secret), true},
		"ours, of two secrets":       {now, id, body, sign(now, other, secret), true},
		"by another secret":          {now, id, body, sign(now, other), false},
		"with another body":          {now, id, body + " ", sign(now, secret), false},
		"with another id":            {now, id + "2", body, sign(now, secret), false},
		"from ten minutes ago":       {now.Add(-10 * time.Minute), id, body, sign(now.Add(-10*time.Minute), secret), false},
		"from ten minutes ahead":     {now.Add(10 * time.Minute), id, body, sign(now.Add(10*time.Minute), secret), false},
		"with a cut signature":       {now, id, body, sign(now, secret)[:20], false},
		"with another version":       {now, id, body, "v2" + sign(now, secret)[2:], false},
		"without a signature at all": {now, id, body, "", false},
	}
	seconds := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	t.Run("Go", func(t *testing.T) {
		for name, trial := range trials {
			h := http.Header{}
			h.Set("webhook-id", trial.id)
			h.Set("webhook-timestamp", seconds(trial.at))
			h.Set("webhook-signature", trial.signs)
			if got := verify.Verify(secret.Reveal(), h, []byte(trial.sent)); got != trial.want {
				t.Errorf("a webhook %s: %v", name, got)
			}
		}
	})
	for language, v := range verifiers {
		t.Run(language, func(t *testing.T) {
			has(t, v.needs...)
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS("snippets")); err != nil {
				t.Fatal(err)
			}
			for name, text := range v.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if language == "Java" {
				c := exec.CommandContext(t.Context(), "javac", "Main.java", "Verify.java")
				c.Dir = dir
				if out, err := c.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			for name, trial := range trials {
				c := exec.CommandContext(t.Context(), v.line[0], append(v.line[1:], secret.Reveal(), trial.id, seconds(trial.at), trial.signs)...)
				c.Dir, c.Stdin = dir, strings.NewReader(trial.sent)
				out, err := c.CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != strconv.FormatBool(trial.want) {
					t.Errorf("a webhook %s: %v %s", name, err, out)
				}
			}
		})
	}
}

// Ensure that every program is on the page and in the text for language models, and that the page's
// policy allows its script.
func TestEverySnippetIsShown(t *testing.T) {
	h := newHouse(t)
	read := func(path string) (string, http.Header) {
		w := httptest.NewRecorder()
		api.Docs(h.deps).ServeHTTP(w, httptest.NewRequest(http.MethodGet, api.Base+path, nil))
		return w.Body.String(), w.Header()
	}
	page, header := read("/docs")
	full, _ := read("/llms-full.txt")
	short, _ := read("/llms.txt")
	unescaped := strings.NewReplacer("&quot;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&")
	plain := unescaped.Replace(page)
	err := filepath.WalkDir("snippets", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		text := strings.TrimSpace(string(raw))
		if !strings.Contains(plain, text) || !strings.Contains(full, text) {
			t.Errorf("%s is not shown", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(page, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	sum := sha256.Sum256([]byte(script))
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, base64.StdEncoding.EncodeToString(sum[:])) {
		t.Errorf("the policy does not allow the page's script: %s", policy)
	}
	for _, link := range []string{"llms-full.txt", "openapi.json", "docs#quickstart", "docs#submitRecording"} {
		if !strings.Contains(short, "("+link+")") {
			t.Errorf("llms.txt does not name %s", link)
		}
		if _, id, ok := strings.Cut(link, "#"); ok && !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("the page has no %s", id)
		}
	}
	for _, left := range []string{"{{", "{#", "ZgotmplZ", "<no value>"} {
		if strings.Contains(full, left) {
			t.Errorf("the text has %s", left)
		}
	}
}
