package lua

import "strconv"

// ConfigKey is where the proxies of a deployment agree on their settings.
const ConfigKey = "distkit:config"

// OwnPrefix begins the names that are distkit's by default: no ordinary key of
// this kind is treated as a counter.
const OwnPrefix = DefaultNamespace + ":"

// DefaultNamespace is the namespace of keys without a colon unless configured;
// it is the distkit crate's default prefix.
const DefaultNamespace = "distkit"

// StringRecord is the record of the last batch of ordinary string keys that a run
// applied, in their database.
func StringRecord(instance, run string) string {
	return OwnPrefix + "lax:flush:" + instance + ":" + run
}

// Keys names the containers of one partition in Redis. With one partition the
// names are those of the distkit crate; with more, and on Cluster, the part
// that the partition shares is in braces, so that it lies in one slot.
type Keys struct {
	base string
}

// NewKeys returns the names for partition index of count in a namespace;
// container is the family's part of the name.
func NewKeys(namespace, container string, index, count int) Keys {
	base := namespace + ":" + container
	if count > 1 {
		base = "{" + base + ":" + strconv.Itoa(index) + "}"
	}
	return Keys{base}
}

// Totals is the hash of a plain family's totals.
func (k Keys) Totals() string { return k.base }

// Cumulative is the hash of an instance-aware family's totals.
func (k Keys) Cumulative() string { return k.base + ":cumulative" }

// Slices is the hash of what one instance has contributed.
func (k Keys) Slices(instance string) string { return k.base + ":count:" + instance }

// Instances is the sorted set of instances by their last heartbeat.
func (k Keys) Instances() string { return k.base + ":instances" }

// InUse is the set of counters in use.
func (k Keys) InUse() string { return k.base + ":keys" }

// Epochs is the hash of epochs, and the mark.
func (k Keys) Epochs() string { return k.base + ":epoch" }

// Record is the record of the last batch that a run applied.
func (k Keys) Record(instance, run string) string {
	return k.base + ":flush:" + instance + ":" + run
}

// Buried is the hash of slices that burials took from an instance.
func (k Keys) Buried(instance string) string { return k.base + ":buried:" + instance }
