package content_test

import (
	"context"
	"fmt"

	"github.com/shitops/opsbot/actions"
	"github.com/shitops/opsbot/actions/content"
)

func ExampleContent_Verbs() {
	w := &world{
		nodes: []actions.Node{{Name: "edge-1", Caches: []actions.Cache{
			{Name: "front", Kind: "varnish", URL: "http://192.0.2.11:6081", AdminAddress: "192.0.2.11:6082"}}}},
		deployments: []actions.Deployment{{Name: "news", Origin: "http://origin.example/news/master.m3u8", Nodes: []string{"edge-1"}}},
	}
	c, err := content.New(content.Options{World: w})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = c.Close() }() // no connection was made
	for _, v := range c.Verbs() {
		if v.Intent != "cache.flush" {
			continue
		}
		p, err := v.Plan(context.Background(), actions.Request{Intent: v.Intent, Slots: map[string][]string{"node": {"edge-1"}}}, w)
		fmt.Println(p.Say, err)
		for _, line := range p.Lines() {
			fmt.Println(line)
		}
	}
	// Output:
	// flush cache front on edge-1, then prime and verify what is served there <nil>
	// on edge-1:
	//   look at what edge-1 serves, then flush cache front
	//   wait for fetches in flight: they store the old answer after a flush
	//   flush cache front again
	//   prime news
	//   verify news: all hits, each as the origin has it
	// note: edge-1: varnish front at http://192.0.2.11:6081; serves news
	// note: a flush cannot be taken back: until the cache has refilled, viewers wait for the origin
}
