// Package awsbody keeps the AWS SDK from losing the answers to requests with a body.
//
// smithy-go closes a request's body as soon as the head of the answer has arrived. By then the
// goroutine of net/http that sends the request may not have asked the body whether there is more.
// When it does, the closed body's WriteTo returns io.EOF (smithy-go 1.28.9 and before), where
// io.WriterTo demands nil. net/http takes that for a failed request and closes the connection; if
// the rest of the answer is still on its way, reading it fails with "use of closed network
// connection". The SDK then sends the request again, although the service has carried it out: a
// message is sent twice, or a condition fails on what the same request wrote.
//
// This happens more often on a busy machine, and with services that send the head of an answer
// apart from its body.
package awsbody

import (
	"context"
	"io"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// KeepAnswers hides WriteTo from net/http, so that a closed body simply reads as empty. Append it
// to aws.Config.APIOptions, or to the field of the same name in a service's Options. It returns the
// error of adding to the stack.
func KeepAnswers(stack *middleware.Stack) error {
	// The last step before a request is sent, inside the retries: nothing replaces the body after
	// it.
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ParleyKeepAnswers", withoutWriteTo), middleware.After)
}

func withoutWriteTo(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
	if r, ok := in.Request.(*smithyhttp.Request); ok {
		if _, ok := r.GetStream().(io.WriterTo); ok {
			plain, err := r.SetStream(readOnly(r.GetStream()))
			if err != nil {
				return middleware.DeserializeOutput{}, middleware.Metadata{}, err
			}
			in.Request = plain
		}
	}
	return next.HandleDeserialize(ctx, in)
}

// readOnly is body with only Read, and Seek where it has that: retries rewind by it.
func readOnly(body io.Reader) io.Reader {
	if s, ok := body.(io.ReadSeeker); ok {
		return struct{ io.ReadSeeker }{s}
	}
	return struct{ io.Reader }{body}
}
