// Package schema describes the four DynamoDB tables as data: keys, indexes, the attributes that the
// indexes include, and the attribute that expires items. The deployed stack and the tests create
// their tables from it, and package dynamo uses its attribute names, so that the three cannot drift
// apart. It imports nothing.
package schema

// The attributes that keys are made of. The file of package dynamo that owns a table explains their
// values.
const (
	RunID       = "id"       // runs: run.ID
	RunClient   = "client"   // runs: account.ID of its client
	RunCreated  = "created"  // runs: time and id, sortable
	RunDueShard = "dueShard" // only runs with a NextDue: the partition of the due index
	RunDue      = "due"      // only runs with a NextDue: Unix ms, not after run.Run.NextDue
	RunExternal = "externalId"
	RunTags     = "tags"

	CreditClient  = "client"  // credits: account.ID
	CreditEntry   = "entry"   // credits: the account, a page of entries, or a place in the queue
	CreditWaiting = "waiting" // only accounts with queued runs: the partition of the waiting index
	CreditMoved   = "moved"   // only accounts with queued runs: Unix ms of the account's last write

	ClientPartition = "pk"
	ClientSort      = "sk"

	LimitScope = "scope"
	LimitTTL   = "ttl" // Unix seconds after which DynamoDB may delete the item, perhaps days later
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

// Index is a global secondary index. It always includes its own and the table's keys.
type Index struct {
	Name            string
	Partition, Sort Key
	// Include lists further attributes to include. They must never change, since each change of an
	// included attribute is billed as a write of the index too.
	Include []string
}

// Table is one table, billed on demand.
type Table struct {
	Name      string // runs, credits, clients or limits
	Partition Key
	Sort      Key    // its Name is empty if there is none
	TTL       string // the attribute that expires items; empty: items do not expire
	Durable   bool   // needs point-in-time recovery and protection against deletion
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

// Tables lists all tables.
var Tables = []Table{Runs, Credits, Clients, Limits}
