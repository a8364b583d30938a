package stack

import (
	"errors"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/go/packages"
	"golang.org/x/tools/go/ssa"
	"golang.org/x/tools/go/ssa/ssautil"

	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech/recogniser/amazon"
)

// Ensure that each function may do exactly what its program can do, where the words are heard
// elsewhere (a deployment that hears them itself grants less): for each table, action by action;
// for objects and queues, by kind of call. What a program can do is derived from the sources
// (reach).
func TestGrantsAreTheCallsThatAFunctionCanMake(t *testing.T) {
	if testing.Short() {
		t.Skip("reading all sources takes many seconds")
	}
	programs, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range (Props{Recogniser: amazon.Setting}).functions() {
		t.Run(f.Name, func(t *testing.T) {
			main := programs["parley/functions/"+f.Name]
			if main == nil {
				t.Fatal("it has no program")
			}
			can, may := reach(main), granted(f)
			for call := range can {
				if excused(f.Name, call) {
					delete(can, call)
				}
			}
			for _, call := range slices.Sorted(maps.Keys(can)) {
				if !may[call] {
					t.Errorf("it can call %s and may not: %s", call, can[call])
				}
			}
			for _, call := range slices.Sorted(maps.Keys(may)) {
				if can[call] == "" {
					t.Errorf("it may call %s and never does", call)
				}
			}
		})
	}
}

// unmade lists calls that a program holds the code of and never makes.
var unmade = []struct{ function, call, reason string }{
	{"poll", "dynamodb:PutItem on runs", "it lists the routes of erase only for Allow"},
	{"poll", "s3:DeleteObject", "it lists the routes of erase only for Allow"},
	{"erase", "s3:GetObject", "it lists the routes of poll only for Allow"},
	{"health", "dynamodb:GetItem on clients", "its route needs no key"},
	{"health", "dynamodb:UpdateItem on limits", "its route counts against no rate"},
	{"docs", "", "it lists all routes to describe them, and serves none"},
}

func excused(function, call string) bool {
	return slices.ContainsFunc(unmade, func(u struct{ function, call, reason string }) bool {
		return u.function == function && (u.call == "" || u.call == call)
	})
}

// granted returns the calls that a function's role allows. Listing a bucket is left out: it also
// makes a missing object look different from a forbidden one, which every reader needs.
func granted(f Function) map[string]bool {
	out := map[string]bool{}
	for table, actions := range f.Tables {
		for _, a := range actions {
			out[a+" on "+table] = true
		}
	}
	for _, a := range f.Jobs {
		out[a] = true
	}
	for call, allowed := range map[string]bool{
		"s3:GetObject": len(f.Reads) > 0, "s3:PutObject": len(f.Writes) > 0, "s3:DeleteObject": len(f.Deletes) > 0,
		"sqs:SendMessage": len(f.Sends) > 0, "lambda:InvokeFunction": len(f.Invokes) > 0,
	} {
		if allowed {
			out[call] = true
		}
	}
	return out
}

// inputs maps the inputs of the SDK's calls to the permissions that they need. On the tables, the
// writes of a transaction need those of the single writes.
var inputs = map[string][]string{
	"dynamodb.GetItemInput": {"dynamodb:GetItem"}, "dynamodb.BatchGetItemInput": {"dynamodb:BatchGetItem"},
	"dynamodb.QueryInput": {"dynamodb:Query"}, "dynamodb.ScanInput": {"dynamodb:Scan"},
	"dynamodb.PutItemInput": {"dynamodb:PutItem"}, "dynamodb/types.Put": {"dynamodb:PutItem"},
	"dynamodb.UpdateItemInput": {"dynamodb:UpdateItem"}, "dynamodb/types.Update": {"dynamodb:UpdateItem"},
	"dynamodb.DeleteItemInput": {"dynamodb:DeleteItem"}, "dynamodb/types.Delete": {"dynamodb:DeleteItem"},
	"dynamodb/types.ConditionCheck": {"dynamodb:ConditionCheckItem"},
	"s3.GetObjectInput":             {"s3:GetObject"}, "s3.HeadObjectInput": {"s3:GetObject"}, "s3.PutObjectInput": {"s3:PutObject"},
	"s3.CopyObjectInput": {"s3:GetObject", "s3:PutObject"}, "s3.DeleteObjectInput": {"s3:DeleteObject"}, "s3.DeleteObjectsInput": {"s3:DeleteObject"},
	"sqs.SendMessageInput": {"sqs:SendMessage"}, "sqs.SendMessageBatchInput": {"sqs:SendMessage"},
	"lambda.InvokeInput":                    {"lambda:InvokeFunction"},
	"transcribe.StartTranscriptionJobInput": {"transcribe:StartTranscriptionJob"}, "transcribe.GetTranscriptionJobInput": {"transcribe:GetTranscriptionJob"},
	"transcribe.DeleteTranscriptionJobInput": {"transcribe:DeleteTranscriptionJob"},
}

const (
	ours      = "parley/"
	storePath = "parley/shared/engine/store/dynamo"
)

// loaded returns our programs by their import path, in SSA form. Of other modules it knows the
// types only.
var loaded = sync.OnceValues(func() (map[string]*ssa.Package, error) {
	initial, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: "../..", BuildFlags: []string{"-tags=lambda.norpc"}},
		"./functions/...", "./shared/...")
	if err != nil {
		return nil, err
	}
	if packages.PrintErrors(initial) > 0 {
		return nil, errors.New("the sources do not compile")
	}
	program, built := ssautil.Packages(initial, ssa.InstantiateGenerics)
	program.Build()
	out := map[string]*ssa.Package{}
	for _, p := range built {
		out[p.Pkg.Path()] = p
	}
	return out, nil
})

// walk is a walk over all code that a program may run. It follows calls, functions that are used as
// values, and calls of interfaces, on every type that this program turns into an interface.
type walk struct {
	program *ssa.Program
	seen    map[*ssa.Function]bool
	todo    []*ssa.Function
	globals map[*ssa.Global]bool
	made    map[types.Type]bool  // types that are turned into interfaces
	invoked map[*types.Func]bool // methods that are called on interfaces
}

// reach returns the calls of AWS that a program can make, with the function that makes each.
func reach(main *ssa.Package) map[string]string {
	w := &walk{program: main.Prog, seen: map[*ssa.Function]bool{}, globals: map[*ssa.Global]bool{}, made: map[types.Type]bool{}, invoked: map[*types.Func]bool{}}
	w.visit(main.Func("main"))
	for len(w.todo) > 0 {
		next := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		w.body(next)
	}
	out := map[string]string{}
	for f := range w.seen {
		for _, call := range made(f) {
			out[call] = f.String()
		}
	}
	return out
}

func (w *walk) visit(f *ssa.Function) {
	if f != nil && !w.seen[f] {
		w.seen[f] = true
		w.todo = append(w.todo, f)
	}
}

func (w *walk) body(f *ssa.Function) {
	for _, b := range f.Blocks {
		for _, i := range b.Instrs {
			w.instruction(i)
		}
	}
}

func (w *walk) instruction(i ssa.Instruction) {
	if call, ok := i.(ssa.CallInstruction); ok && call.Common().IsInvoke() {
		w.invoke(call.Common().Method)
	}
	if m, ok := i.(*ssa.MakeInterface); ok {
		w.make(m)
	}
	for _, op := range i.Operands(nil) {
		switch v := (*op).(type) {
		case *ssa.Function:
			w.visit(v)
		case *ssa.Global:
			w.global(v)
		}
	}
}

// global follows what a package's variable is initialised with. The rest of the package's
// initialisation counts only if its variables are used: a table of all routes says nothing of a
// function that uses another.
func (w *walk) global(g *ssa.Global) {
	if w.globals[g] || g.Pkg == nil {
		return
	}
	w.globals[g] = true
	var since []ssa.Instruction // the last variable was initialised
	for _, b := range g.Pkg.Func("init").Blocks {
		for _, i := range b.Instrs {
			since = append(since, i)
			store, ok := i.(*ssa.Store)
			if !ok {
				continue
			}
			into, ok := store.Addr.(*ssa.Global)
			if !ok {
				continue
			}
			if into == g {
				for _, used := range since {
					w.instruction(used)
				}
			}
			since = nil
		}
	}
}

func (w *walk) invoke(m *types.Func) {
	if w.invoked[m] {
		return
	}
	w.invoked[m] = true
	for t := range w.made {
		w.method(t, m)
	}
}

func (w *walk) make(m *ssa.MakeInterface) {
	t := m.X.Type()
	// The code of other modules may call everything that their own interfaces have.
	if named, ok := types.Unalias(m.Type()).(*types.Named); ok && named.Obj().Pkg() != nil && !strings.HasPrefix(named.Obj().Pkg().Path(), ours) {
		iface, _ := named.Underlying().(*types.Interface)
		for method := range iface.Methods() {
			w.method(t, method)
		}
	}
	if w.made[t] {
		return
	}
	w.made[t] = true
	for method := range w.invoked {
		w.method(t, method)
	}
}

// method visits the method of t that is called through an interface's, if t has one.
func (w *walk) method(t types.Type, m *types.Func) {
	signature, _ := m.Type().(*types.Signature)
	if iface, ok := signature.Recv().Type().Underlying().(*types.Interface); !ok || !types.Implements(t, iface) {
		return
	}
	if s := w.program.MethodSets.MethodSet(t).Lookup(m.Pkg(), m.Name()); s != nil {
		w.visit(w.program.MethodValue(s))
	}
}

// made returns the permissions that a function's own code needs. For the store it joins the tables
// that the function names with the calls that it makes, itself or through helpers that name no
// table.
func made(f *ssa.Function) []string {
	actions, tables := parts(f)
	if f.Pkg == nil || f.Pkg.Pkg.Path() != storePath {
		return actions
	}
	actions = append(actions, helped(f, map[*ssa.Function]bool{})...)
	var out []string
	for _, table := range tables {
		for _, a := range actions {
			out = append(out, a+" on "+table)
		}
	}
	return out
}

// helped returns the permissions that the helpers of a function need.
func helped(f *ssa.Function, seen map[*ssa.Function]bool) (out []string) {
	for _, b := range f.Blocks {
		for _, i := range b.Instrs {
			call, ok := i.(ssa.CallInstruction)
			if !ok {
				continue
			}
			helper := call.Common().StaticCallee()
			if helper == nil || helper.Pkg != f.Pkg || seen[helper] {
				continue
			}
			seen[helper] = true
			if actions, tables := parts(helper); len(tables) == 0 {
				out = append(append(out, actions...), helped(helper, seen)...)
			}
		}
	}
	return out
}

// parts returns the permissions of the inputs that a function makes, and the tables that it names.
func parts(f *ssa.Function) (actions, tables []string) {
	for _, b := range f.Blocks {
		for _, i := range b.Instrs {
			switch i := i.(type) {
			case *ssa.Alloc:
				if pointer, ok := i.Type().(*types.Pointer); ok {
					actions = append(actions, inputs[short(pointer.Elem())]...)
				}
			case *ssa.FieldAddr:
				if pointer, ok := i.X.Type().Underlying().(*types.Pointer); ok {
					tables = append(tables, table(pointer.Elem(), i.Field)...)
				}
			case *ssa.Field:
				tables = append(tables, table(i.X.Type(), i.Field)...)
			}
		}
	}
	return actions, tables
}

// table returns the table that a field of the store's Names holds the name of.
func table(t types.Type, field int) []string {
	if short(t) != "dynamo.Names" {
		return nil
	}
	names, _ := t.Underlying().(*types.Struct)
	for _, known := range schema.Tables {
		if strings.EqualFold(known.Name, names.Field(field).Name()) {
			return []string{known.Name}
		}
	}
	return nil
}

// short returns a type's package and name, for the types of the SDK and of the store.
func short(t types.Type) string {
	named, ok := types.Unalias(t).(*types.Named)
	if !ok || named.Obj().Pkg() == nil {
		return ""
	}
	of := named.Obj().Pkg().Path()
	if base := path.Base(of); base != "types" {
		return base + "." + named.Obj().Name()
	}
	return path.Base(path.Dir(of)) + "/types." + named.Obj().Name()
}
