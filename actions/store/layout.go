package store

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Schema numbers the layout of the data. A store with a higher number is refused; a lower one would be converted by Open.
const Schema = 1

// window is how long the ids of messages and records are remembered. The server rebuilds its memory of them from the stored messages at
// start, so these must stay stored at least as long.
const window = 10 * time.Minute

// markerTTL is how long the server's mark of a key that reached its end stays, so that a watcher that was away for a moment sees the end.
const markerTTL = 10 * time.Minute

// meta is the bucket of the store's own facts; it is not for callers.
const meta = "meta"

// The queue's stream, its subjects and its consumer.
const (
	queueStream  = "RUNS"
	workSubject  = "q.work"
	timerSubject = "q.timer."
	queueWorkers = "workers"
)

// shards says over how many streams a bucket is spread: a stream is one fsync queue, and the journal of runs is written by many at once.
// The number is part of Schema, since it decides where a key lies.
func shards(bucket string) int {
	if bucket == Runs {
		return 4
	}
	return 1
}

// shardOf returns the shard of a key: all keys of one run, which share their first part, lie in one stream.
func shardOf(bucket, key string) int {
	n := shards(bucket)
	if n == 1 {
		return 0
	}
	first, _, _ := strings.Cut(key, ".")
	h := fnv.New32a()
	_, _ = h.Write([]byte(first)) // a hash cannot fail
	return int(h.Sum32() % uint32(n))
}

// streamOf returns the name of the stream that holds a shard of a bucket.
func streamOf(bucket string, shard int) string {
	if shards(bucket) == 1 {
		return bucket
	}
	return fmt.Sprintf("%s-%d", bucket, shard)
}

// subjectOf returns the subject of a key, or of all keys of the shard when key is ">".
func subjectOf(bucket string, shard int, key string) string {
	return fmt.Sprintf("k.%s.%d.%s", bucket, shard, key)
}

// recordSubject returns the subject of a log's records.
func recordSubject(log string) string { return "l." + log }

// genesisSubject returns the subject of the message that every stream begins with.
func genesisSubject(stream string) string { return "g." + stream }

// hasEnds says whether keys of the bucket may vanish by themselves.
func hasEnds(bucket string) bool { return slices.Contains([]string{Guards, Leaders, Dedupe}, bucket) }

// allBuckets returns the buckets of callers and our own.
func allBuckets() []string { return append(Buckets(), meta) }

// streams returns the settings of every stream, in a fixed order. doc.go says why each is as it is.
func streams(ages Ages) []jetstream.StreamConfig {
	var all []jetstream.StreamConfig
	for _, bucket := range allBuckets() {
		for shard := range shards(bucket) {
			all = append(all, bucketStream(bucket, shard))
		}
	}
	all = append(all, jetstream.StreamConfig{
		Name:              queueStream,
		Subjects:          []string{workSubject, timerSubject + "*", genesisSubject(queueStream)},
		Duplicates:        window,
		AllowMsgSchedules: true,
		AllowRollup:       true,
		AllowDirect:       true,
	})
	for _, log := range Logs() {
		age := cmp.Or(ages.Audit, defaultAudit)
		if log == Alerts {
			age = cmp.Or(ages.Alerts, defaultAlerts)
		}
		all = append(all, jetstream.StreamConfig{
			Name:        log,
			Subjects:    []string{recordSubject(log), genesisSubject(log)},
			Duplicates:  window,
			MaxAge:      age,
			AllowDirect: true,
			DenyDelete:  log == Audit,
			DenyPurge:   log == Audit,
		})
	}
	return all
}

func bucketStream(bucket string, shard int) jetstream.StreamConfig {
	name := streamOf(bucket, shard)
	c := jetstream.StreamConfig{
		Name:              name,
		Subjects:          []string{subjectOf(bucket, shard, ">"), genesisSubject(name)},
		MaxMsgsPerSubject: 1,
		AllowDirect:       true,
	}
	if hasEnds(bucket) {
		c.AllowMsgTTL = true
		c.SubjectDeleteMarkerTTL = markerTTL
	}
	return c
}
