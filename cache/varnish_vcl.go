package cache

import _ "embed" // for the VCL

//go:embed varnish.vcl
var varnishVCL string

// VarnishVCL returns the VCL to include on a Varnish node: purges with counts, tags by xkey, the URL kept for purges by prefix.
func VarnishVCL() string { return varnishVCL }
