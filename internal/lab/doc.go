// Package lab makes real servers small: a varnishd and an HLS origin in temporary directories, on free loopback ports. Tests use
// it, and the demo does, so nothing in it needs a *testing.T; the thin wrappers for tests are in tb.go.
//
// In: a context, a directory, an fs.FS of files to serve. Out: running servers with their addresses. Stop ends them and leaves
// nothing behind; a context that ends stops them too. The package imports the standard library alone and knows no domain.
//
// Read varnish.go first, then origin.go. A cache in front of an origin:
//
//	origin, err := lab.StartOrigin(ctx, lab.OriginOptions{Files: os.DirFS("fixtures/hls")})
//	defer origin.Stop()
//	edge, err := lab.StartVarnish(ctx, lab.VarnishOptions{Origin: origin.Address})
//	defer edge.Stop()
//	resp, err := http.Get(edge.URL + "/ts/master.m3u8")
package lab
