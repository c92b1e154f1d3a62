package segment_test

import (
	"context"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/segment"
	"github.com/shitops/opsbot/actions/store"
	"github.com/shitops/opsbot/actions/store/fake"
)

// A segment is planned before anything is written; without agents it is one on paper.
func Example() {
	ctx, kv := context.Background(), fake.New().Open(fake.Options{})
	known, err := segment.NewStore(segment.StoreOptions{Segments: kv.Bucket(store.Segments), VNIs: kv.Bucket(store.VNIs)})
	if err != nil {
		fmt.Println(err)
		return
	}
	vnis, err := segment.NewAllocator(segment.AllocatorOptions{KV: kv.Bucket(store.VNIs)})
	if err != nil {
		fmt.Println(err)
		return
	}
	segments, err := segment.New(segment.Options{Store: known, Allocator: vnis})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range segments.Verbs() {
		if v.Intent != "segment.create" {
			continue
		}
		plan, err := v.Plan(ctx, actions.Request{Slots: map[string][]string{"segment": {"studio-a"}, "vni": {"5001"}}}, world{})
		fmt.Println(plan.Say, err)
		for _, line := range plan.Lines() {
			fmt.Println(line)
		}
	}
	// Output:
	// create segment studio-a of tenant default with VNI 5001 <nil>
	// make the name studio-a of tenant default
	// take VNI 5001
	// take a free IPv4 prefix
	// keep segment studio-a with MTU 1450, and nobody in it
	// note: no node is in it yet: attach <node> to studio-a
}
