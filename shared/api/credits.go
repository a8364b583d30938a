package api

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"parley/shared/engine/credit"
	"parley/shared/errcode"
	"parley/shared/presentation"
)

var creditsRoutes = []route{
	{method: http.MethodGet, pattern: "/credits", do: (*call).credits},
	{method: http.MethodGet, pattern: "/credits/transactions", do: (*call).transactions},
}

// The bounds of reading the ledger.
const (
	recentEntries = 20
	usagePage     = 1000
	usagePages    = 100
	usageDays     = 30
)

type creditsView struct {
	Balance   int64             `json:"balance"`
	Held      int64             `json:"held"`
	Available int64             `json:"available"`
	Usage     usageView         `json:"usage"`
	Recent    []transactionView `json:"recentTransactions"`
}

// usageView adds up credits charged. Its fields are null if the ledger is too long to add up in one
// call.
type usageView struct {
	Today      *int64 `json:"today"`      // since midnight UTC
	Last30Days *int64 `json:"last30Days"` // since 30 × 24 h ago
}

type transactionView struct {
	ID           string             `json:"id"`
	Type         credit.Kind        `json:"type"`
	Amount       int64              `json:"amount"`
	RunID        *string            `json:"runId"`
	BalanceAfter int64              `json:"balanceAfter"`
	HeldAfter    int64              `json:"heldAfter"`
	CreatedAt    presentation.Stamp `json:"createdAt"`
	Note         string             `json:"note"`
}

func transactionsOf(es []credit.Entry) []transactionView {
	vs := make([]transactionView, len(es))
	for i, e := range es {
		vs[i] = transactionView{e.ID, e.Kind, e.Amount, e.RunID, e.BalanceAfter, e.HeldAfter, presentation.Stamp(e.CreatedAt), e.Note}
	}
	return vs
}

func (c *call) credits() (answer, error) {
	ctx := c.r.Context()
	a, err := c.Runs.Account(ctx, c.client.ID)
	if err != nil {
		return answer{}, fmt.Errorf("api: credits: %w", err)
	}
	page, err := c.Runs.Entries(ctx, c.client.ID, 0, usagePage)
	if err != nil {
		return answer{}, fmt.Errorf("api: credits: %w", err)
	}
	v := creditsView{Balance: a.Balance, Held: a.Held, Available: a.Available, Recent: transactionsOf(page[:min(len(page), recentEntries)])}
	if v.Usage, err = c.usage(page); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, v}, nil
}

// usage sums the charges of the ledger's recent past; page is its newest usagePage entries.
func (c *call) usage(page []credit.Entry) (usageView, error) {
	now := c.Clock.Now()
	midnight, since := now.Truncate(24*time.Hour), now.Add(-usageDays*24*time.Hour)
	var v usageView
	var today, month int64
	for range usagePages {
		for _, e := range page {
			if e.CreatedAt.Before(midnight) && v.Today == nil {
				t := today
				v.Today = &t
			}
			if e.CreatedAt.Before(since) {
				v.Last30Days = &month
				return v, nil
			}
			if e.Kind == credit.Charge {
				month += e.Amount
				if v.Today == nil {
					today += e.Amount
				}
			}
		}
		if len(page) < usagePage {
			if v.Today == nil {
				v.Today = &today
			}
			v.Last30Days = &month
			return v, nil
		}
		var err error
		if page, err = c.Runs.Entries(c.r.Context(), c.client.ID, page[len(page)-1].Seq, usagePage); err != nil {
			return v, fmt.Errorf("api: usage: %w", err)
		}
	}
	c.log.Warn("ledger too long to sum", "entries", usagePages*usagePage)
	return v, nil
}

type transactionsView struct {
	Data       []transactionView `json:"data"`
	NextCursor *string           `json:"nextCursor"`
}

const transactionsScope = "transactions"

func (c *call) transactions() (answer, error) {
	q := c.r.URL.Query()
	limit, err := pageLimit(q)
	if err != nil {
		return answer{}, err
	}
	at, err := position(q, c.client.ID, transactionsScope)
	if err != nil {
		return answer{}, err
	}
	var before int64
	if at != "" {
		if before, err = strconv.ParseInt(at, 10, 64); err != nil || before < 1 {
			return answer{}, errcode.New(errcode.InvalidCursor)
		}
	}
	es, err := c.Runs.Entries(c.r.Context(), c.client.ID, before, limit)
	if err != nil {
		return answer{}, fmt.Errorf("api: transactions: %w", err)
	}
	v := transactionsView{Data: transactionsOf(es)}
	// Seq counts from 1, so the entry with Seq 1 is the last.
	if n := len(es); n > 0 && es[n-1].Seq > 1 {
		next := cursorFor(c.client.ID, transactionsScope, strconv.FormatInt(es[n-1].Seq, 10))
		v.NextCursor = &next
	}
	return answer{http.StatusOK, v}, nil
}
