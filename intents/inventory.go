package intents

// Inventory is what names resolve against: plain data in the order of the configuration.
// Selectors ("all edges in berlin") expand in this order.
type Inventory struct {
	Nodes       []Node
	Segments    []Segment
	Deployments []string
	Tenants     []string
	People      []string
	Rules       []string
	Jobs        []string
	Services    []string // of the monitoring, as it names them; others must stand in quotation marks or behind "service"
	Sites       []string // sites that have no node yet; those of the nodes are known without being listed
}

// Node is one node as the language knows it.
type Node struct {
	Name     string
	Site     string
	Platform string            // "linux" or "darwin"
	Labels   map[string]string // may be nil
}

// Segment is one segment with the VNI that names it too.
type Segment struct {
	Name string
	VNI  uint32 // 1..16777215 (24 bits, RFC 7348 section 5); 0 where it is not known
}
