package intents

import (
	"strings"
)

// verbForm is how a verb is bent.
type verbForm uint8

const (
	formBase verbForm = iota // flush
	formS                    // flushes
	formPast                 // flushed
	formIng                  // flushing
)

// commonVerbs are verbs that people give orders with, beside those of the catalogue files. A verb of them that stands in a phrase of an intent is an
// action verb of that intent.
func commonVerbs() string {
	return `agree sign unregister deregister benchmark hammer simulate bombard blow scrub proceed perform simulate reopen unarchive sync repopulate replenish rehearse dry carry abort accept acknowledge activate add allow announce apply approve archive arrange assign attach authorise authorize balance ban begin block boot bounce bring build bump
burn bypass call cancel change check clean clear close collect commission confirm connect continue convert cordon create cut deactivate decline decommission dedicate delete deny deploy
deprovision describe destroy detach disable discard disconnect dismiss display distribute divert downgrade downscale drain drop dump eject eliminate empty enable end enlarge enrol enroll
erase evacuate evict examine exclude execute expand expire export expose extend fail fence fetch fill find finish fix flip flush force forget free freeze generate get give go grab grant grow
guard halt hand handle heat hide hold ignore import increase inform inspect install invalidate invite isolate issue join keep kick kill launch let lift limit link list look load lock lower
maintain make mark measure migrate monitor move mute nuke onboard open operate order park pause permit pin pipe place plan play point pop populate postpone power preheat preload prepare
press prewarm prefetch prime print promote provision prune pull purge push put quarantine quiesce raise reactivate read reapply rearm reassign reattach rebalance rebuild recall recheck
record recover recreate redeploy redirect redo reduce refetch refresh refuse register reinstate reject rejoin release reload remind remove rename renew repair repeat replace replay report
reprime reroute rerun reschedule reset resolve respond restart restore resume retire retrieve retry return revert revoke rewarm roll rollback route run save scale schedule scrap scratch
scrub send separate serve set shed shift shove show shrink shut silence skip snooze spin split spread stage start stop strip stress stretch summarise summarize suppress suspend swap switch
take takeover tear tell terminate test throttle throw toggle top trace track transfer trash trigger trim trip try turn unack unacknowledge unattach unban unblock uncordon undo undrain unfence
unload unlock unmute unpark unpause unplug unschedule unsilence unwind update upgrade upscale use validate verify veto wake warm watch wipe withdraw yank zap`
}

// alienVerbs are orders for something that no intent does: where one is the verb of a sentence and no phrase of the intent has it, it is not meant for us.
func alienVerbs() string {
	return `reboot restart reinstall install uninstall upgrade patch compile ssh scp ping traceroute telnet login logout format reformat mount unmount umount chmod chown rm mv cp kill killall
shutdown poweroff hibernate defragment encrypt decrypt hack bomb sell buy book order cook eat drink sing dance drive fly swim walk paint wash iron water feed email phone text photograph
translate download upload tweet post google search bake fry boil cool repaint hire fire promote invoice pay refund ship rsync git docker kubectl helm ansible terraform sql grep`
}

// realWords are English words that are one slip of the finger away from a verb: they are no slips.
func realWords() string {
	return `train brain grain drains strain plush blush slush crush brush flash flesh flusher urge surge merge pure purse price pride prize crime grime prim rime scare scalp scald stale
sale sole tail fall fill mail rail sail nail jail hail bail fair fear back pack lack rack sack tack hack jack attack asks pause clause cause stock step shop stoop stow slow snow shows
chow cancer cancels enabled capable tissue issues resume presume rejoin voice revolve evoke remote removal removed bemoan reset preset deset retro entry pray delete deletes deplete
verily clearly clears bleat cheer wise wide whip wine swipe ripe pipe type tempt warms worm ward wart ware war farm harm charm arm swarm roll rolls poll toll doll pull full dull rack unrack racks shack ping bull gull
lull mull hull move love dove cove mover more mode turns burn torn tuna tune wait want went ran rum rue rub rung ruin runs fun sun gun bun nun pun lit let bet get met net pet set vet wet
yet jet got hot lot not pot rot dot cot gut hut nut put rut cut but out our hour lead load toad road goad loan loud lead land lend send mend bend fend tend wend need feed seed deed weed
heed reed tale lake make bake cake fake rake sake wake came tape take like bike hike pike mike five live give dive hive line mine nine fine pine vine wine lone bone tone zone gone done
none one tome home come some dome name game fame lame same tame host most post cost lost shot shut shit short start star stare state slate plate late date gate fate hate mate rate test
best rest nest west pest lest text next tent sent rent went lent bent cent dent vent check cheek chuck chick shack thick three there these where here hear near dear fear year tear bear
wear pear rear gear read real deal meal heal seal zeal veal dead head lead bead road roam foam loam form from front font fond found round sound bound pound mound wound ground`
}

// lemma is a form of a verb.
type lemma struct {
	base string
	form verbForm
}

// bend enters every form of the verb base.
func bend(forms map[string]lemma, base string) {
	put := func(w string, f verbForm) {
		if old, taken := forms[w]; !taken || f == formBase && old.form != formBase {
			forms[w] = lemma{base, f}
		}
	}
	put(base, formBase)
	if len(base) < 2 || strings.ContainsAny(base, "-.") {
		return
	}
	last, stem := base[len(base)-1], base
	vowel := func(c byte) bool { return strings.IndexByte("aeiou", c) >= 0 }
	switch {
	case last == 'e':
		put(base+"s", formS)
		put(base+"d", formPast)
		put(base[:len(base)-1]+"ing", formIng)
		return
	case last == 'y' && !vowel(base[len(base)-2]):
		put(base[:len(base)-1]+"ies", formS)
		put(base[:len(base)-1]+"ied", formPast)
		put(base+"ing", formIng)
		return
	case strings.HasSuffix(base, "sh"), strings.HasSuffix(base, "ch"), strings.IndexByte("sxz", last) >= 0:
		put(base+"es", formS)
	default:
		put(base+"s", formS)
	}
	if len(base) > 2 && !vowel(last) && vowel(base[len(base)-2]) && !vowel(base[len(base)-3]) && strings.IndexByte("wxy", last) < 0 {
		put(base+string(last)+"ed", formPast)
		put(base+string(last)+"ing", formIng)
	}
	put(stem+"ed", formPast)
	put(stem+"ing", formIng)
}

// irregularForms are past forms that no rule makes.
func irregularForms() map[string]string {
	return map[string]string{
		"took": "take", "taken": "take", "gave": "give", "given": "give", "made": "make", "brought": "bring", "went": "go", "gone": "go", "ran": "run", "threw": "throw",
		"thrown": "throw", "began": "begin", "begun": "begin", "sent": "send", "built": "build", "kept": "keep", "held": "hold", "got": "get", "gotten": "get", "tore": "tear", "torn": "tear",
		"froze": "freeze", "frozen": "freeze", "undid": "undo", "undone": "undo", "woke": "wake", "told": "tell", "found": "find", "shown": "show", "withdrew": "withdraw", "withdrawn": "withdraw",
		"shrank": "shrink", "grew": "grow", "spun": "spin", "failover": "fail", "failback": "fail",
	}
}
