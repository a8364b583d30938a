package local

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/shared/errcode"
)

// direct hands the API's calls to the functions itself, as the gateway and Lambda do. The emulator
// does the same in one thread of Python, which takes more of its time than the calls to the tables
// that the function then makes. Routes, programs and settings are those of the deployment.
//
// What it does not know how to do, the emulated gateway does: to call an alias or a function with
// reserved concurrency, and anything but a function.
type direct struct {
	api    *restAPI
	lambda *lambda.Client
	fleet  *fleet

	mu    sync.Mutex
	known map[string]described // by a function's name
}

// described is a function as it was deployed at some time.
type described struct {
	callee
	at time.Time
}

// lookEvery is how soon a change of a function is noticed.
const lookEvery = time.Second

// startDirect returns what calls the functions of a running system. common is the environment that
// all functions see, dir a folder for their programs, and said the emulator's log.
func startDirect(ctx context.Context, s System, client *lambda.Client, common []string, dir string, said io.Writer) (*direct, error) {
	api, err := readAPI(ctx, s.Endpoint, s.Outputs["ApiId"], s.Outputs["ApiStage"])
	if err != nil {
		return nil, err
	}
	return &direct{api: api, lambda: client, known: map[string]described{},
		fleet: newFleet(s.Endpoint, common, dir, startJournal(logs(s)), said)}, nil
}

// stop ends all copies, and sends what they printed.
func (d *direct) stop() {
	d.fleet.stop()
	d.fleet.journal.stop()
}

// answer answers a request by the function behind its path, and returns true. It returns false, and
// has done nothing, if the emulated gateway must answer it. It calls done when the function is done
// with it, which may be after the client has had its answer.
func (d *direct) answer(w http.ResponseWriter, r *http.Request, body []byte, done func()) bool {
	to, ok := d.api.route(r.Method, r.URL.Path)
	if !ok || to.method.Integration.Type != "AWS_PROXY" {
		return false
	}
	function, ok := d.lookup(r.Context(), nameOf(to.method.Integration.URI))
	if !ok {
		return false
	}
	event, err := json.Marshal(d.api.event(r, body, to))
	if err != nil {
		return false
	}
	answered := make(chan outcome, 1)
	go func() {
		defer done()
		// Lambda does not stop a function because its caller has gone.
		raw, err := d.fleet.invoke(context.WithoutCancel(r.Context()), function, event)
		answered <- outcome{raw, err}
	}()
	select {
	case got := <-answered:
		if got.err != nil || d.api.write(w, r, got.body) != nil {
			refuse(w, errcode.New(errcode.InternalError))
		}
	case <-r.Context().Done():
		refuse(w, errcode.New(errcode.InternalError))
	}
	return true
}

// lookup returns a function as it is deployed, and whether the front may call it itself.
func (d *direct) lookup(ctx context.Context, name string) (callee, bool) {
	if name == "" {
		return callee{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.known[name]
	if !ok || time.Since(known.at) > lookEvery {
		out, err := d.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(name)})
		if err != nil {
			return callee{}, false
		}
		c, err := newCallee(out)
		if err != nil {
			return callee{}, false
		}
		known = described{c, time.Now()}
		d.known[name] = known
	}
	return known.callee, !known.reserved
}
