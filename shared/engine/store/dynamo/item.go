package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/shared/engine/run"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is a DynamoDB item, a key, or the values of an expression. Zero values are not stored,
// because a write is billed by size.
type item map[string]types.AttributeValue

func str(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func num(v int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(v, 10)}
}
func decimal(v float64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatFloat(v, 'f', -1, 64)}
}

func (i item) text(name, v string) {
	if v != "" {
		i[name] = str(v)
	}
}

func (i item) number(name string, v int64) {
	if v != 0 {
		i[name] = num(v)
	}
}

func (i item) flag(name string, v bool) {
	if v {
		i[name] = &types.AttributeValueMemberBOOL{Value: true}
	}
}

// time stores t as Unix ms.
func (i item) time(name string, t time.Time) {
	if !t.IsZero() {
		i[name] = num(t.UnixMilli())
	}
}

// scores stores each score as a number under its dimension's name.
func (i item) scores(name string, scores run.Scores) {
	if len(scores) == 0 {
		return
	}
	m := make(map[string]types.AttributeValue, len(scores))
	for dimension, v := range scores {
		m[string(dimension)] = decimal(v)
	}
	i[name] = &types.AttributeValueMemberM{Value: m}
}

func (i item) document(name string, d run.Document) { i.text(name, string(d)) }

func (i item) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	l := make([]types.AttributeValue, len(values))
	for n, v := range values {
		l[n] = str(v)
	}
	i[name] = &types.AttributeValueMemberL{Value: l}
}

func (i item) table(name string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	m := make(map[string]types.AttributeValue, len(values))
	for k, v := range values {
		m[k] = str(v)
	}
	i[name] = &types.AttributeValueMemberM{Value: m}
}

// reader decodes an item. An absent attribute is zero. err is the first error, such as a wrong
// type.
type reader struct {
	item item
	err  error
}

func (r *reader) wrong(name string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("dynamo: attribute %s: %w", name, err)
	}
}

var errType = errors.New("wrong type")

func (r *reader) text(name string) string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.wrong(name, errType)
	}
	return ""
}

func (r *reader) digits(name string) string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		return v.Value
	default:
		r.wrong(name, errType)
	}
	return ""
}

func (r *reader) number(name string) int64 {
	d := r.digits(name)
	if d == "" {
		return 0
	}
	n, err := strconv.ParseInt(d, 10, 64)
	if err != nil {
		r.wrong(name, err)
	}
	return n
}

func (r *reader) flag(name string) bool {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.wrong(name, errType)
	}
	return false
}

func (r *reader) time(name string) time.Time {
	if _, ok := r.item[name]; !ok {
		return time.Time{}
	}
	return time.UnixMilli(r.number(name)).UTC()
}

func (r *reader) scores(name string) run.Scores {
	stored, ok := r.item[name]
	if !ok {
		return nil
	}
	m, ok := stored.(*types.AttributeValueMemberM)
	if !ok {
		r.wrong(name, errType)
		return nil
	}
	scores := make(run.Scores, len(m.Value))
	for dimension := range m.Value {
		one := reader{item: m.Value}
		v, err := strconv.ParseFloat(one.digits(dimension), 64)
		if err := errors.Join(one.err, err); err != nil {
			r.wrong(name, err)
		}
		scores[run.Dimension(dimension)] = v
	}
	return scores
}

func (r *reader) document(name string) run.Document {
	if text := r.text(name); text != "" {
		return run.Document(text)
	}
	return nil
}

func (r *reader) list(name string) []string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberL:
		all := make([]string, 0, len(v.Value))
		for _, e := range v.Value {
			s, ok := e.(*types.AttributeValueMemberS)
			if !ok {
				r.wrong(name, errType)
				return nil
			}
			all = append(all, s.Value)
		}
		return all
	default:
		r.wrong(name, errType)
	}
	return nil
}

func (r *reader) table(name string) map[string]string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberM:
		all := make(map[string]string, len(v.Value))
		for k, e := range v.Value {
			s, ok := e.(*types.AttributeValueMemberS)
			if !ok {
				r.wrong(name, errType)
				return nil
			}
			all[k] = s.Value
		}
		return all
	default:
		r.wrong(name, errType)
	}
	return nil
}
