package dynamo

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"parley/infra/prove/storetest"
	"parley/shared/clock"
)

// distant is a DynamoDB with the latency that the real service has for a function.
type distant struct {
	API
	read, write time.Duration
	writes      atomic.Int64
}

func (d *distant) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := clock.Sleep(ctx, d.read); err != nil {
		return nil, err
	}
	return d.API.GetItem(ctx, in, o...)
}

func (d *distant) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	d.writes.Add(1)
	if err := clock.Sleep(ctx, d.write); err != nil {
		return nil, err
	}
	return d.API.TransactWriteItems(ctx, in, o...)
}

// BenchmarkContention makes 16 submits at a time, in turns for one client, whose account they all
// write, and for 16 clients, so that both are measured on the same machine at the same time. It
// reports accepted submits per second and tries per submit.
func BenchmarkContention(b *testing.B) {
	for _, bench := range []struct {
		name        string
		read, write time.Duration
	}{
		{"as near as the endpoint", 0, 0},
		{"as far as the service", 4 * time.Millisecond, 12 * time.Millisecond},
	} {
		b.Run(bench.name, func(b *testing.B) {
			const parallel, each = 16, 4
			var far *distant
			s := openThrough(b, func(api API) API { far = &distant{API: api, read: bench.read, write: bench.write}; return far })
			for n := range parallel + 1 {
				if _, err := s.Grant(b.Context(), storetest.ClientID(n), 1_000_000, "", storetest.Start); err != nil {
					b.Fatal(err)
				}
			}
			var runs atomic.Int64
			submits := func(client func(worker int) int) {
				var all sync.WaitGroup
				for worker := range parallel {
					all.Go(func() {
						for range each {
							sub := storetest.Submission(storetest.ClientID(client(worker)), int(runs.Add(1)), 1, 1_000_000, storetest.Start)
							if _, _, err := s.Submit(b.Context(), sub, storetest.Start); err != nil {
								b.Error(err)
							}
						}
					})
				}
				all.Wait()
			}
			var one, many time.Duration
			var tries int64
			for b.Loop() {
				began, before := time.Now(), far.writes.Load()
				submits(func(int) int { return 0 })
				one += time.Since(began)
				tries += far.writes.Load() - before
				began = time.Now()
				submits(func(worker int) int { return worker + 1 })
				many += time.Since(began)
			}
			n := float64(b.N * parallel * each)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(n/one.Seconds(), "of-one-client/s")
			b.ReportMetric(n/many.Seconds(), "of-16-clients/s")
			b.ReportMetric(many.Seconds()/one.Seconds(), "ratio")
			b.ReportMetric(float64(tries)/n, "tries/submit")
		})
	}
}
