// Package atomicfile writes files so that a reader, and whoever looks after a crash or a power cut, finds the old content or the new one,
// never a part.
//
// In come a path and bytes; out comes a file that is on the disk, its name included, when Write returns. Read atomicfile.go, it is all there is.
//
//	err := atomicfile.Write("/etc/opsbot/opsbot.yaml", data, 0o640)
package atomicfile
