package intents

// LoadFrom reads a catalogue from files, for tests of the file format and of catalogues larger than the built-in one.
var LoadFrom = load
