package store

import (
	"context"
	"time"
)

// Silence makes every consumer that a stream has now keep everything back from now on, while its heartbeats go on.
func Silence(ctx context.Context, e *Engine, bucket string) (consumers int, err error) {
	for shard := range shards(bucket) {
		stream := streamOf(bucket, shard)
		var have struct {
			Consumers []string `json:"consumers"`
		}
		if err := e.wire.api(ctx, "list the consumers of "+stream, "CONSUMER.NAMES."+stream, nil, &have); err != nil {
			return consumers, err
		}
		for _, name := range have.Consumers {
			pause := map[string]time.Time{"pause_until": time.Now().Add(time.Hour)}
			if err := e.wire.api(ctx, "silence "+name, "CONSUMER.PAUSE."+stream+"."+name, pause, nil); err != nil {
				return consumers, err
			}
			consumers++
		}
	}
	return consumers, nil
}
