package config

// later lists the keys that the contract of the configuration has and this version does not support yet. A list element is written [].
// A test holds it against the whole contract, so that every key is either supported or listed.
func later() []string {
	return []string{
		"trusted_proxies", "public_url",
		"store.url",
	}
}

// laterGroups are the route groups of later versions.
func laterGroups() []string { return []string{"viewers", "console"} }

// laterKinds are the kinds of caches of later versions.
func laterKinds() []string {
	return []string{"nginx", "trafficserver", "squid", "memcached", "redis"}
}

// notYet is what is said of all of them.
const notYet = "is not supported by this version yet; leave it out"
