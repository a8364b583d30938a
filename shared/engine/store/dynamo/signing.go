package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
)

// The signing secrets of a client are in the table of clients, but not on the client's item, which
// every call reads:
//
//	pk client#<id>  sk signing  version, and one line per secret, newest first: created at and
//	                            valid until (0: no end) in Unix ms, and the secret

const signingSort = "signing"

func signingKey(client account.ID) item { return accountKey(clientPartition(client), signingSort) }

// Signing implements account.Signings.
func (s *Store) Signing(ctx context.Context, client account.ID) (account.Signing, error) {
	it, err := s.get(ctx, s.names.Clients, signingKey(client))
	if err != nil {
		return account.Signing{}, fmt.Errorf("dynamo: read signing secrets: %w", err)
	}
	r := reader{item: it}
	out := account.Signing{Version: r.number("version")}
	for _, line := range r.list("secrets") {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			r.wrong("secrets", errType)
			break
		}
		created, err1 := strconv.ParseInt(fields[0], 10, 64)
		until, err2 := strconv.ParseInt(fields[1], 10, 64)
		if errors.Join(err1, err2) != nil {
			r.wrong("secrets", errType) // the cause would contain the secret
		}
		v := account.ValidSecret{Secret: account.SigningSecret(fields[2]), CreatedAt: time.UnixMilli(created).UTC()}
		if until != 0 {
			v.Until = time.UnixMilli(until).UTC()
		}
		out.Secrets = append(out.Secrets, v)
	}
	return out, r.err
}

// PutSigning implements account.Signings.
//
//	in   the version that was read; 0: there was none
//	out  written; condition failed: another write came first, or this one's answer was lost
func (s *Store) PutSigning(ctx context.Context, client account.ID, before, after account.Signing) error {
	i := signingKey(client)
	i["version"] = num(after.Version)
	lines := make([]string, len(after.Secrets))
	for n, v := range after.Secrets {
		until := int64(0)
		if !v.Until.IsZero() {
			until = v.Until.UnixMilli()
		}
		lines[n] = fmt.Sprintf("%d %d %s", v.CreatedAt.UnixMilli(), until, v.Secret.Reveal())
	}
	i.list("secrets", lines)
	in := &dynamodb.PutItemInput{TableName: &s.names.Clients, Item: i, ConditionExpression: aws.String("attribute_not_exists(#version)"), ExpressionAttributeNames: versionName}
	if before.Version != 0 {
		in.ConditionExpression = aws.String(ifVersion)
		in.ExpressionAttributeValues = map[string]types.AttributeValue{":version": num(before.Version)}
	}
	return s.putIf(ctx, "put signing secrets", in)
}
