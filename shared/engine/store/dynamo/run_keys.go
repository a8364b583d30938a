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

// The table of runs: one item per run, written whole, always on the condition of the version that was read.
//
//	id        run.ID
//	client    account.ID, and created: 13 digits of Unix ms, '#', the id: the index byClient, newest last
//	dueShard  a digit by the id's hash, and due, Unix ms: of a run in process when it started, of one that has ended
//	          when its webhook is due; only where it has a NextDue: the index byDue
//
// Why not NextDue itself: every part that is done moves it, and each move is billed as two writes of the index. What the
// sweep reads in its place, each run in process once a minute, costs a tenth of one.

// dueShards spreads the index of due runs, whose writes would else meet in one partition.
const dueShards = 4

// scheme of created.
const lastMillisecond = 9_999_999_999_999

func runKey(id run.ID) item { return item{schema.RunID: str(string(id))} }

func createdKey(p run.Position) string { return createdPrefix(p.CreatedAt) + "#" + string(p.ID) }

// createdPrefix sorts before every run created at t or later, and behind every run created before.
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

// putNewRun writes a run that is not there yet.
//
//	in   the run
//	out  written; condition failed: the id is taken, by this very run where the submit is a repeat
func (s *Store) putNewRun(r run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(r),
		ConditionExpression: aws.String("attribute_not_exists(#id)"), ExpressionAttributeNames: map[string]string{"#id": schema.RunID}}}
}

// ifVersion is the condition of every later write of a run.
//
//	in   the version that was decided on
//	out  holds; fails: the run moved, or is not there
const ifVersion = "#version = :version"

var versionName = map[string]string{"#version": "version"}

func versionValue(r run.Run) item { return item{":version": num(r.Version)} }

// putRun writes the run that follows from seen.
func (s *Store) putRun(seen, after run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(after),
		ConditionExpression: aws.String(ifVersion), ExpressionAttributeNames: versionName, ExpressionAttributeValues: versionValue(seen)}}
}
