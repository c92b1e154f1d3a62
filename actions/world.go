package actions

import (
	"context"
	"errors"
	"time"
)

// ErrUnknown is in the chain of every error about a name that the inventory does not have.
var ErrUnknown = errors.New("unknown name")

// World is a lazy view of what is managed. Plans are made from it; nothing is changed through it.
type World interface {
	// Nodes returns the whole inventory in its own order.
	Nodes(ctx context.Context) ([]Node, error)
	// Node returns one node by its inventory name, or an error with ErrUnknown in its chain.
	Node(ctx context.Context, name string) (Node, error)
	// Deployments returns all deployments in the order of the inventory.
	Deployments(ctx context.Context) ([]Deployment, error)
	// Deployment returns one deployment, or an error with ErrUnknown in its chain.
	Deployment(ctx context.Context, name string) (Deployment, error)
}

// Node is a machine at the edge.
type Node struct {
	Name     string            `json:"name"`
	Address  string            `json:"address,omitempty"` // in the underlay
	Site     string            `json:"site,omitempty"`
	Platform string            `json:"platform,omitempty"` // linux or darwin
	Labels   map[string]string `json:"labels,omitempty"`
	Caches   []Cache           `json:"caches,omitempty"`
	Orphaned bool              `json:"orphaned,omitempty"` // it vanished from the configuration file and is kept until a person decides
}

// Cache is an HTTP cache on a node.
type Cache struct {
	Name            string        `json:"name"`
	Kind            string        `json:"kind"` // varnish
	URL             string        `json:"url"`  // where viewers' requests enter
	AdminAddress    string        `json:"admin_address,omitempty"`
	AdminSecretFile string        `json:"admin_secret_file,omitempty"`
	StatsDir        string        `json:"stats_dir,omitempty"` // of varnishstat; without it numbers are the client's side only
	Settle          time.Duration `json:"settle,omitempty"`    // at least the slowest time to first byte of the origin
}

// Deployment is a stream that is served at the edge.
type Deployment struct {
	Name   string   `json:"name"`
	Tenant string   `json:"tenant,omitempty"`
	Origin string   `json:"origin"` // URL of its master playlist
	Nodes  []string `json:"nodes,omitempty"`
}
