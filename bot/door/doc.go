// Package door says what a door is: a place where people or programs bring lines and get cards back.
//
// In comes a [Message]; out go [reply.Card] values and an [Exit]. The doors themselves live one folder deeper. Read door.go, it is all there is.
package door
