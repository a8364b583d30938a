// Package schema is the four DynamoDB tables as data: keys, indexes, what the indexes carry, which attribute expires.
// The deployed stack and the tests create their tables from it, and package dynamo names its attributes by it, so that
// the three cannot drift. It imports nothing.
package schema

// The attributes that keys are made of. What stands in each is explained in the file of package dynamo that owns the
// table.
const (
	RunID       = "id"       // runs: run.ID
	RunClient   = "client"   // runs: account.ID of its client
	RunCreated  = "created"  // runs: time and id, sortable
	RunDueShard = "dueShard" // runs that have a NextDue only: which of the due index's partitions
	RunDue      = "due"      // runs that have one only: Unix ms, not after run.Run.NextDue
	RunExternal = "externalId"
	RunTags     = "tags"

	CreditClient  = "client"  // credits: account.ID
	CreditEntry   = "entry"   // credits: the account, an entry, or a place in the queue
	CreditWaiting = "waiting" // accounts with queued runs only: which of the waiting index's partitions
	CreditMoved   = "moved"   // accounts with queued runs only: Unix ms of the account's last write

	ClientPartition = "pk"
	ClientSort      = "sk"

	LimitScope = "scope"
	LimitTTL   = "ttl" // Unix seconds after which the item counts as gone; DynamoDB deletes it up to days later
)

// The indexes.
const (
	ByClient  = "byClient"
	ByDue     = "byDue"
	ByWaiting = "byWaiting"
)

// Type is the type of a key attribute.
type Type string

// The types.
const (
	String Type = "S"
	Number Type = "N"
)

// Key is a key attribute.
type Key struct {
	Name string
	Type Type
}

// Index is a global secondary index. It always carries its own and the table's keys.
type Index struct {
	Name            string
	Partition, Sort Key
	// Include are further attributes that it carries: only such as never change, since each change of a carried
	// attribute is billed as a write of the index too.
	Include []string
}

// Table is one table, billed on demand.
type Table struct {
	Name      string // runs, credits, clients or limits
	Partition Key
	Sort      Key    // Name is empty where there is none
	TTL       string // the attribute that expires items; empty: none do
	Durable   bool   // worth point-in-time recovery and protection against deletion
	Indexes   []Index
}

// The tables.
var (
	Runs = Table{Name: "runs", Partition: Key{RunID, String}, Durable: true, Indexes: []Index{
		{Name: ByClient, Partition: Key{RunClient, String}, Sort: Key{RunCreated, String}, Include: []string{RunExternal, RunTags}},
		{Name: ByDue, Partition: Key{RunDueShard, String}, Sort: Key{RunDue, Number}},
	}}
	Credits = Table{Name: "credits", Partition: Key{CreditClient, String}, Sort: Key{CreditEntry, String}, Durable: true, Indexes: []Index{
		{Name: ByWaiting, Partition: Key{CreditWaiting, String}, Sort: Key{CreditMoved, Number}},
	}}
	Clients = Table{Name: "clients", Partition: Key{ClientPartition, String}, Sort: Key{ClientSort, String}, Durable: true}
	Limits  = Table{Name: "limits", Partition: Key{LimitScope, String}, TTL: LimitTTL}
)

// Tables lists them all.
var Tables = []Table{Runs, Credits, Clients, Limits}
