# Parley: `make help` explains every target.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

ARCH ?= $(shell go env GOARCH)
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/parley
# The tools that check the code are pinned in infra/tools/go.mod, by version and hash. The name of
# their folder depends on both, and on the version of Go.
TOOLS := $(CACHE)/tools/$(shell go env GOVERSION)-$(shell cat infra/tools/go.mod infra/tools/go.sum | sha256sum | cut -c1-12)
# The Go vulnerability database, as its own module has it: raise it now and then.
VULNDB := golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018
VULNDB_SUM := h1:mfngRv0Yoh0VApsXKEN82CjD99kl7mtparN3bs3JnqI=
DATA ?= ../shared/data
CASES ?= ../shared/cases
AUDIO ?=
PARLEY := bin/parley
# What is deployed is built for this processor: make deploy ARCH=amd64 for the other.
DEPLOYED := $(if $(filter command line environment,$(origin ARCH)),$(ARCH),arm64)
CDK ?=

## demo: build, start the system, score a recording (AUDIO=path, else the sample), stop
demo: build
	$(PARLEY) demo $(if $(AUDIO),--audio "$(AUDIO)")

## run: start the same system and keep it running for your own clients (Ctrl-C stops it)
run: build
	$(PARLEY) local

## test: every test that needs nothing but this machine; installs what the tests need
test: build
	go vet ./...
	PARLEY_TEST_AWS=1 go run ./infra/local/cmd/emulator go test -timeout 20m ./...

## test-all: the same, and the tests that take minutes
test-all: build
	PARLEY_TEST_AWS=1 PARLEY_HEAVY=1 go run ./infra/local/cmd/emulator go test -timeout 60m ./...
	$(MAKE) cases

## build: the engines, the functions for this machine and the command line
build: parts functions cli

## ci: all that a commit must pass; 8 minutes on two cores once the tools are there
ci:
	@for step in $(CI); do \
	  echo "== $$step"; began=$$SECONDS; \
	  $(MAKE) --no-print-directory $$step || { echo "== $$step failed after $$((SECONDS - began)) s"; exit 1; }; \
	  times+="  $$step $$((SECONDS - began)) s"$$'\n'; \
	done; printf '== all passed in %d s\n%s' $$SECONDS "$$times"

# Cheap steps come first. test is the README's command; it includes go vet and builds everything.
CI := tidy lint vulns generated bench-once test race

## tidy: check that go.mod and go.sum name exactly what is imported
tidy:
	go mod tidy -diff
	go -C infra/tools mod tidy -diff

## race: the short tests of all that starts goroutines, under the race detector
race: parts
	@go run ./infra/parts/cmd/parts -compiler >/dev/null # its progress goes to standard error
	CGO_ENABLED=1 CC="$$(go run ./infra/parts/cmd/parts -compiler 2>/dev/null) cc" \
	  go run ./infra/local/cmd/emulator go test -race -short -timeout 20m -skip TestEachMutantIsCaught $(addprefix ./,$(RACE))

# All packages that start goroutines, themselves or in their tests (go statements, errgroups, HTTP
# servers, parallel tests), and all that call these from their own tests. Except:
#   infra/prove/system      its goroutines are in other processes, built without the detector
#   infra/measure/bench     has no tests
#   infra/tools             is a separate module
# and TestEachMutantIsCaught, which compiles the product again for each bug that it puts in.
STARTS := ^[[:space:]]*(defer )?go (func|[A-Za-z_.]+\()|\.Go\(|time\.AfterFunc|httptest\.New(TLS|Unstarted)?Server|\.Parallel\(
CALLS := infra/measure/batch infra/measure/validate shared/engine/delivery shared/speech/aligner/pocketsphinx shared/speech/stages
RACE = $(filter-out infra/tools/% infra/prove/system infra/measure/bench,$(sort $(CALLS) \
  $(shell grep -rlE '$(STARTS)' --include=*.go functions infra shared | xargs -n1 dirname)))

## bench-once: run each benchmark once, so that none rots
bench-once: parts
	go run ./infra/local/cmd/emulator go test -run '^$$' -bench . -benchtime 1x \
	  $$(grep -rl '^func Benchmark' --include=*_test.go functions infra shared | xargs -n1 dirname | sort -u | sed 's|^|./|')

## generate: rebuild the tables of headwords and syllables from the published lists in DATA
generate: parts
	go run ./shared/speech/words/gen -lists $(DATA)/wordlists -out $(or $(OUT),shared/speech/words)
	go run ./shared/speech/syllable/gen -out $(or $(OUT),shared/speech/syllable)

## generated: check that `make generate` would change nothing; skipped if the lists are missing
generated: parts
	@[ -d "$(DATA)/wordlists" ] || { echo "skipped: the published word lists are not in $(DATA)/wordlists"; exit 0; }; \
	out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; $(MAKE) --no-print-directory generate OUT=$$out; \
	cmp $$out/headwords.tsv shared/speech/words/headwords.tsv; cmp $$out/exceptions.txt shared/speech/syllable/exceptions.txt

## vulns: look for known vulnerabilities in the code that is called (govulncheck)
vulns:
	@got=$$(cd infra/tools && go mod download -json $(VULNDB)); \
	[[ $$got == *'"Sum": "$(VULNDB_SUM)"'* ]] || { echo "$(VULNDB) has another hash: $$got"; exit 1; }; \
	dir=$$(sed -n 's/.*"Dir": "\(.*\)".*/\1/p' <<<"$$got"); \
	go -C infra/tools run ./vulns -dir $(CURDIR) -db "$$dir/data/osv"

## parts: get or build the engines, once, into the user's cache (ARCH=amd64, arm64 or all)
parts:
	go run ./infra/parts/cmd/parts -arch $(ARCH)

## functions: compile each function to dist/ARCH/NAME/bootstrap
functions:
	go run ./infra/local/cmd/functions -arch $(ARCH)

## cli: compile the command line to bin/parley
cli:
	go build -trimpath -o $(PARLEY) ./infra/cli

## push: replace the functions of the running system (NAMES="poll sweep": only these)
push: cli
	$(PARLEY) local push $(NAMES)

## cases: recordings and scripts from public bug reports, on the local system (ONLY=a08,a14)
cases: build
	go run ./infra/prove/cases -cases $(CASES) -data $(DATA) $(if $(ONLY),-only $(ONLY))

## accuracy: who spoke when, the candidate, word error rate on the shared interviews, as a table
accuracy: parts
	go run ./infra/measure/accuracy -data $(DATA)/interviews

## steady: how far the scores of the shared interviews move between codecs (20 minutes)
steady: parts
	go run ./infra/measure/steady -data $(DATA)/interviews

## simulate: ledger, queue and watchdog under faults, in virtual time (RUNS=100000, SEED=random)
simulate: cli
	$(PARLEY) simulate --runs $(or $(RUNS),100000) $(if $(SEED),--seed $(SEED)) --faults all

## oracle: the store's tests on a second, stricter DynamoDB (needs cargo, else skipped)
oracle:
	go run ./infra/prove/oracle go test -count=1 -timeout 20m ./shared/engine/store/dynamo/...

## compare: random sequences on the model and on the store, on that DynamoDB (COMPARE=100000)
compare:
	PARLEY_COMPARE=$(or $(COMPARE),100000) GOGC=800 go run ./infra/prove/oracle go test -count=1 -run 'TestCompare$$' -parallel 4 -timeout 0 -v ./shared/engine/store/dynamo

## contention: accepted submits per second for one client and for sixteen, on that DynamoDB
contention:
	go run ./infra/prove/oracle go test -run xxx -bench Contention -benchtime 20x ./shared/engine/store/dynamo

## mutants: put bugs into the product's code; the simulation must find each, from three seeds
mutants:
	PARLEY_MUTANT_SEEDS=3 go test -count=1 -run TestEachMutant -timeout 60m -v ./infra/prove/simulation

## torture: kill processes of the running system; half an hour (ROUNDS=100, TORTURE="-seed N")
torture: build
	go run ./infra/prove/torture -rounds $(or $(ROUNDS),100) $(TORTURE)

## contract: fuzz every call with schemathesis: 20,000 requests, 0 failures (10 to 20 minutes)
contract: parts
	go run ./infra/prove/schemathesis -examples 1200 -least 20000 -seed 2

## contract-system: the same, briefly, against the whole local system
contract-system: parts
	go run ./infra/prove/schemathesis -system -examples 5

## clients: make clients with nine generators, compile them, submit and read the sample (10 min)
clients: build
	go run ./infra/prove/clients

## browser: the pages as people use them, in Chromium, on a running system (SHOTS=folder: pictures)
browser: parts
	PARLEY_HEAVY=1 PARLEY_SHOTS="$(abspath $(SHOTS))" go test -count=1 -timeout 30m -v ./infra/prove/browser

## lint-api: check both editions of the OpenAPI document with a linter (spectral)
lint-api:
	go run ./infra/prove/schemathesis -lint

## validate: the scores against human raters; docs/validation.md
validate: parts
	go run ./infra/measure/validate -data $(DATA)

## speakers: who speaks when and who is the candidate, also on degraded copies; docs/speakers.md
speakers: parts
	go run ./infra/measure/speakers -data $(DATA)

## scripted: speak the written conversations of make speakers into the cache (10 minutes, once)
scripted:
	infra/measure/speakers/speak.sh $(CACHE)/scripted

## bench: end-to-end time as a ratio to the recogniser alone, and the start of each function
bench: build
	go run ./infra/measure/bench

## cost: dollars per 1,000 runs and idle month, into docs/cost.md (COST=-record: measure again)
cost:
	go run ./infra/measure/cost $(COST)

## capacity: how many runs a second a deployment carries, which quotas to ask for; docs/cost.md
capacity:
	go run ./infra/measure/capacity

## latency: the time of a 4 MB submit, and of polls at 200 per second; needs an idle machine
latency: parts
	go run ./infra/measure/latency

## hang: how a local system copes with a stage that hangs; half an hour; docs/faults.md
hang: build
	go run ./infra/measure/hang

## load: polls, refused submits and real runs on a local system (LOAD="-runs 10"); docs/faults.md
load: build
	go run ./infra/measure/load $(LOAD)

## soak: real runs with faults for an hour, and the alarms that go off (FOR=2h); docs/faults.md
soak: build
	go run ./infra/measure/soak -for $(or $(FOR),1h)

## fuzz: run each fuzz target in turn for FUZZ=10m
fuzz:
	@failed=0; for p in $$(grep -rl '^func Fuzz' --include=*_test.go shared | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$p/*_test.go | cut -c6-); do \
	    echo "$$p $$f"; go test ./$$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $(or $(FUZZ),10m) -fuzzminimizetime 20x -parallel 2 || failed=1; \
	  done; done; exit $$failed

## lint: check formatting, and run the linters of .golangci.yml, pinned by version and hash
lint: $(TOOLS)/golangci-lint
	@test -z "$$(gofmt -l functions infra shared)" || { echo "not formatted:"; gofmt -l functions infra shared; exit 1; }
	$(TOOLS)/golangci-lint run --allow-serial-runners ./...
	go -C infra/tools vet ./...
	go -C infra/tools test ./...
	@$(MAKE) --no-print-directory lint-comments

## lint-comments: find comments wider than 100 columns
lint-comments:
	go -C infra/tools run ./comments \
	  $(addprefix $(CURDIR)/,functions infra shared Makefile .golangci.yml .ci/run)

$(TOOLS)/golangci-lint:
	@echo "golangci-lint: compiled once, about two minutes"
	go -C infra/tools build -trimpath -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

## lint-stack: check the synthesised templates: AWS's resource schemas, cfn-lint, cdk-nag
lint-stack:
	go run ./infra/stack/cmd/lint

## test-stack: the stacks' tests, with least privilege, and lint-stack
test-stack: lint-stack
	go test -count=1 ./infra/stack/...

## synth: write the templates to cdk.out (CDK="-c NAME=VALUE": settings of infra/stack/app)
synth: ARCH := $(DEPLOYED)
synth: parts functions
	go run ./infra/stack/cmd/cdk synth --quiet --no-notices -c arch=$(ARCH) $(CDK)
	@echo "the templates are in cdk.out"
	go run ./infra/stack/cmd/sizes

## deploy: build for arm64, check the stacks, deploy with your AWS credentials (CDK=… as for synth)
deploy: ARCH := $(DEPLOYED)
deploy: quotas parts functions cli test-stack
	go run ./infra/stack/cmd/cdk deploy --all --no-notices -c arch=$(ARCH) $(CDK)

## quotas: the quotas that Parley needs, and what to ask for (needs AWS credentials)
quotas:
	go run ./infra/stack/cmd/quotas

## sample: rebuild the sample interview (needs root or the Debian packages it names)
sample:
	infra/sample/make.sh

## picture: take the pictures of the pages in docs/ (10 minutes; needs Debian's chromium)
picture: build
	go run ./infra/sample/picture -data $(DATA)

## clean: delete what was built here (but not the cache of engines)
clean:
	rm -rf bin dist cdk.out

## help: this list
help:
	@sed -n 's/^## \([a-z-]*\): /\1\t/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  %-15s %s\n", $$1, $$2}'

.PHONY: demo run test test-all build ci tidy race bench-once generate generated vulns lint-comments parts functions cli push cases accuracy steady simulate mutants oracle compare contention torture contract contract-system clients lint-api validate speakers scripted bench latency fuzz lint lint-stack sample picture test-stack synth deploy quotas cost capacity hang load soak clean help
