// Package demo is the first five minutes: an edge made on this machine, and a scripted conversation about it.
//
// In: the bot behind the narrow interfaces [Bot] and [Agents], and a folder. Out: a [World] with an origin, two edge caches and a monitoring server
// on free ports, real where Varnish and Icinga2 are installed and small stand-ins else, and with three nodes for segments where the machine lets
// them be made; and [Tour], which plays the [Scenes] and looks after each of them whether it is really so: at what viewers get, at the list of bans,
// at what the monitoring and the kernels hold, never at what the bot says of itself. At its end every intent of the catalogue must have been touched.
//
// Read scene.go first, then scenes_cache.go. A scene is data:
//
//	{As: "anna", Say: "flush edge-1", Exit: door.OK, Want: []string{"do it?"}}
package demo
