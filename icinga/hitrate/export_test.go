package hitrate

// ParseState reads what a state file holds.
func ParseState(data []byte) (State, error) { return parseState(data) }
