package awsbody

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// slow is a network whose sender is held up: it answers once it has read the whole body, before it
// has asked the body for more. The first fails requests get no answer.
type slow struct {
	fails int
	sent  []*http.Request
	read  []string
}

func (s *slow) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, r.ContentLength))
	if err != nil {
		return nil, err
	}
	s.sent, s.read = append(s.sent, r), append(s.read, string(body))
	if len(s.sent) <= s.fails {
		return nil, &net.OpError{Op: "read", Err: errors.New("no answer")}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

// rest asks the body of the last request for more, as net/http does.
func (s *slow) rest() (int64, error) { return io.Copy(io.Discard, s.sent[len(s.sent)-1].Body) }

func config(network *slow) aws.Config {
	twice := func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	}
	return aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), HTTPClient: network, Retryer: twice,
		APIOptions: []func(*middleware.Stack) error{KeepAnswers}}
}

func put(t *testing.T, cfg aws.Config) {
	t.Helper()
	if _, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"),
		Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "a"}}}); err != nil {
		t.Fatal(err)
	}
}

// Ensure that a body that the SDK has closed ends without an error: on one, net/http would close
// the connection, and lose the answer.
func TestAClosedBodyHasNoMore(t *testing.T) {
	network := &slow{}
	put(t, config(network))
	if n, err := network.rest(); n != 0 || err != nil {
		t.Errorf("%d more bytes, %v; want none and no error", n, err)
	}
	if want := `{"Item":{"pk":{"S":"a"}},"TableName":"t"}`; network.read[0] != want || network.sent[0].ContentLength != int64(len(want)) {
		t.Errorf("sent %q, of length %d; want %q", network.read[0], network.sent[0].ContentLength, want)
	}
}

// Ensure that the package is still needed: without it the closed body ends with an error.
func TestTheSDKAloneWouldCloseTheConnection(t *testing.T) {
	network := &slow{}
	cfg := config(network)
	cfg.APIOptions = nil
	put(t, cfg)
	if _, err := network.rest(); !errors.Is(err, io.EOF) {
		t.Errorf("error %v, want io.EOF; if the SDK is mended, this package can go", err)
	}
}

func TestASecondTrySendsTheWholeBodyAgain(t *testing.T) {
	network := &slow{fails: 1}
	put(t, config(network))
	if len(network.read) != 2 || network.read[0] != network.read[1] || network.read[0] == "" {
		t.Errorf("sent %q, want the same twice", network.read)
	}
}

// Ensure that an object is sent from the position that its reader had, at each try.
func TestAnObjectIsSentFromItsPosition(t *testing.T) {
	network := &slow{fails: 1}
	body := bytes.NewReader([]byte("0123456789"))
	if _, err := body.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	in := &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: body}
	if _, err := s3.NewFromConfig(config(network)).PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if len(network.read) != 2 || network.read[0] != "456789" || network.read[1] != "456789" {
		t.Errorf("sent %q, want 456789 twice", network.read)
	}
	if n, err := network.rest(); n != 0 || err != nil {
		t.Errorf("%d more bytes, %v; want none and no error", n, err)
	}
}

func TestPresigningIsLeftAlone(t *testing.T) {
	network := &slow{}
	client := s3.NewPresignClient(s3.NewFromConfig(config(network)))
	out, err := client.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil || out.Method != http.MethodPut || len(network.sent) != 0 {
		t.Errorf("%+v, %v after %d requests", out, err, len(network.sent))
	}
}
