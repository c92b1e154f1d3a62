package latency

// ParseState reads what a state file holds.
func ParseState(data []byte) (State, error) { return parseState(data) }
