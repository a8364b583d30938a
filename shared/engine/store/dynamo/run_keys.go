package dynamo

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// The table of runs has one item per run, always written whole and on the condition of the version
// that was read.
//
//	id        run.ID
//	client    account.ID. With created, it is the index byClient, oldest first
//	created   13 digits of Unix ms, '#', the id
//	dueShard  a digit from the id's hash. With due, it is the index byDue. Only runs with a
//	          NextDue have both
//	due       Unix ms. For a run in process, when it started; for a run that has ended, when its
//	          webhook is due
//
// due is not NextDue itself, because every finished part changes that, and each change is billed as
// two writes of the index. Instead the sweep reads each run in process once a minute, which costs a
// tenth of a write.

// dueShards is over how many partitions the index of due runs is spread, so that its writes do not
// all go to one.
const dueShards = 4

// lastMillisecond is the latest time of 13 digits.
const lastMillisecond = 9_999_999_999_999

func runKey(id run.ID) item { return item{schema.RunID: str(string(id))} }

func createdKey(p run.Position) string { return createdPrefix(p.CreatedAt) + "#" + string(p.ID) }

// createdPrefix returns a key that sorts before every run created at t or later and after every
// earlier one.
func createdPrefix(t time.Time) string {
	ms := t.UnixMilli()
	if t.Truncate(time.Millisecond).Before(t) {
		ms++
	}
	return fmt.Sprintf("%013d", min(max(ms, 0), lastMillisecond))
}

func shardOf(key string, shards uint32) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return strconv.FormatUint(uint64(h.Sum32()%shards), 10)
}

// putNewRun writes a run that must not exist yet.
//
//	in   the run
//	out  written; condition failed: the id is taken, by this very run if the submit is a repeat
func (s *Store) putNewRun(r run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(r),
		ConditionExpression: aws.String("attribute_not_exists(#id)"), ExpressionAttributeNames: map[string]string{"#id": schema.RunID}}}
}

// ifVersion is the condition of every later write of a run.
//
//	in   the version that was read
//	out  holds; fails: the run changed, or does not exist
const ifVersion = "#version = :version"

var versionName = map[string]string{"#version": "version"}

func versionValue(r run.Run) item { return item{":version": num(r.Version)} }

// putRun replaces the run seen by after.
func (s *Store) putRun(seen, after run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(after),
		ConditionExpression: aws.String(ifVersion), ExpressionAttributeNames: versionName, ExpressionAttributeValues: versionValue(seen)}}
}
