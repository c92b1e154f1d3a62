package when_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/shitops/opsbot/intents/when"
)

// zone returns the zone called name.
func zone(tb testing.TB, name string) *time.Location {
	tb.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		tb.Fatal(err)
	}
	return z
}

// wednesday is when the tests speak: in summer, 14:20 in Berlin.
func wednesday(tb testing.TB) time.Time {
	tb.Helper()
	return time.Date(2026, 6, 10, 14, 20, 0, 0, zone(tb, "Europe/Berlin"))
}

// brief writes what was found in one line, with what is left over behind "+".
func brief(f when.Found, err error, said []string, now time.Time) string {
	var wrong *when.Error
	if errors.As(err, &wrong) {
		out := string(wrong.Why)
		if len(wrong.Readings) > 0 {
			out += ": " + strings.Join(wrong.Readings, " | ")
		}
		return out + rest(said, wrong.Words)
	}
	if f.Words == 0 {
		return "none"
	}
	out := string(f.Kind) + " "
	switch f.Kind {
	case when.Schedule:
		out += f.Cron
	case when.Span, when.Back:
		out += when.Short(f.Span)
	default:
		out += strings.TrimPrefix(f.Absolute(now), "0 ")
	}
	return out + rest(said, f.Words)
}

func rest(said []string, taken int) string {
	if taken < len(said) {
		return " + " + strings.Join(said[taken:], " ")
	}
	return ""
}

// check reads every line of a table and compares.
func check(t *testing.T, now time.Time, read func(said []string) (when.Found, error), table [][2]string) {
	t.Helper()
	for _, row := range table {
		said := strings.Fields(strings.ToLower(row[0]))
		f, err := read(said)
		if got := brief(f, err, said, now); got != row[1] {
			t.Errorf("%q\n  = %s\nwant %s", row[0], got, row[1])
		}
	}
}

// TestRead is the table of what people say, of all kinds together.
func TestRead(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, func(said []string) (when.Found, error) { return when.Read(said, now) }, [][2]string{
		{"2h", "span 2h"},
		{"for 2h because of the move", "span 2h + because of the move"},
		{"for an hour and a half", "span 1h30m"},
		{"for the next 30 minutes", "span 30m"},
		{"until 6pm", "window until Wed 2026-06-10 18:00 CEST (3h40m)"},
		{"from 22:00 to 02:00 on edge-1", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h) + on edge-1"},
		{"tomorrow 02:00 for 2h", "window Thu 2026-06-11 02:00 CEST to Thu 2026-06-11 04:00 CEST (2h)"},
		{"in 30 minutes for an hour", "window Wed 2026-06-10 14:50 CEST to Wed 2026-06-10 15:50 CEST (1h)"},
		{"in 30 minutes", "moment Wed 2026-06-10 14:50 CEST"},
		{"tomorrow at 6am", "moment Thu 2026-06-11 06:00 CEST"},
		{"every sunday at 4", "schedule 0 4 * * 0"},
		{"30 5 * * 1-5", "schedule 30 5 * * 1-5"},
		{"the last 2 hours", "back 2h"},
		{"today", "back 14h20m"},
		{"today at 18:00", "moment Wed 2026-06-10 18:00 CEST"},
		{"every other day at 5", "not regular + at 5"},
		{"6", "none"},
		{"for 8", "none"},
		{"edge-2", "none"},
		{"the cache", "none"},
		{"", "none"},
		{"at", "none"},
		{"on edge-3", "none"},
		{"in berlin", "none"},
		{"second", "none"},
		{"may", "none"},
		{"march on", "none"},
		{"sun", "none"},
		{"one node", "none"},
		{"two", "none"},
		{"next", "none"},
		{"past", "none"},
		{"last", "none"},
		{"every node", "none"},
		{"each of them", "none"},
		{"for edge-3", "none"},
		{"by anna", "none"},
		{"17", "none"},
		{"5001", "none"},
		{"half of them", "none"},
		{"twice", "none"},
		{"five nodes", "none"},
		{"3 times", "none"},
		{"a node", "none"},
		{"now", "none"},
		{"between edge-1 and edge-2", "none"},
		{"from edge-1 to edge-3", "none"},
		{"192.0.2.1", "none"},
	})
}

// TestSpans is how long things last.
func TestSpans(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, when.ReadSpan, [][2]string{
		{"2h", "span 2h"},
		{"90m", "span 1h30m"},
		{"90min", "span 1h30m"},
		{"1h30m", "span 1h30m"},
		{"1.5h", "span 1h30m"},
		{"2d", "span 48h"},
		{"2d12h", "span 60h"},
		{"1w", "span 168h"},
		{"30s", "span 30s"},
		{"2H", "span 2h"},
		{"2h30", "span 2h30m"},
		{"500ms", "span 500ms"},
		{"1h 30m", "span 1h30m"},
		{"2 hours", "span 2h"},
		{"two hours", "span 2h"},
		{"ninety minutes", "span 1h30m"},
		{"twenty five minutes", "span 25m"},
		{"twenty-five minutes", "span 25m"},
		{"an hour", "span 1h"},
		{"a minute", "span 1m"},
		{"one day", "span 24h"},
		{"half an hour", "span 30m"},
		{"half a day", "span 12h"},
		{"half-hour", "span 30m"},
		{"a half hour", "span 30m"},
		{"a quarter of an hour", "span 15m"},
		{"three quarters of an hour", "span 45m"},
		{"a quarter hour", "span 15m"},
		{"an hour and a half", "span 1h30m"},
		{"an hour and a quarter", "span 1h15m"},
		{"two hours and a half", "span 2h30m"},
		{"two and a half hours", "span 2h30m"},
		{"1.5 hours", "span 1h30m"},
		{"1:30 hours", "span 1h30m"},
		{"a day and a half", "span 36h"},
		{"2 hours and 15 minutes", "span 2h15m"},
		{"2 hours 15 minutes", "span 2h15m"},
		{"two hours fifteen minutes", "span 2h15m"},
		{"a couple of hours", "span 2h"},
		{"a couple hours", "span 2h"},
		{"a fortnight", "span 336h"},
		{"30 days", "span 720h"},
		{"4 weeks", "span 672h"},
		{"a week", "span 168h"},
		{"a 90-minute window", "span 1h30m + window"},
		{"90-minute", "span 1h30m"},
		{"two-hour", "span 2h"},
		{"a two hour downtime", "span 2h + downtime"},
		{"2 hours, please", "span 2h + please"},
		{"2h 2h", "span 2h + 2h"},
		{"1 minute 2 hours", "span 1m + 2 hours"},
		{"2h and reboot", "span 2h + and reboot"},
		{"31 days", "too far"},
		{"721h", "too far"},
		{"5 weeks", "too far"},
		{"a month", "too far"},
		{"two years", "too far"},
		{"99999999999999999999h", "too far"},
		{"99999999999 hours", "too far"},
		{"0 minutes", "nothing"},
		{"0s", "nothing"},
		{"zero hours", "nothing"},
		{"-2h", "past"},
		{"-2 hours", "past"},
		{"1-2 hours", "two readings: 1h | 2h"},
		{"two or three days", "two readings: 48h | 72h"},
		{"1 to 2 hours", "two readings: 1h | 2h"},
		{"an hour or two", "two readings: 1h | 2h"},
		{"8", "none"},
		{"eight", "none"},
		{"2x", "none"},
		{"1.2.3h", "none"},
		{"h", "none"},
		{"hour", "none"},
		{"a while", "none"},
		{"ever", "none"},
		{"a few hours", "none"},
		{"2 nodes", "none"},
		{"2, hours", "none"},
		{"1h1h", "none"},
		{"2m1h", "none"},
		{"h2", "none"},
		{"2h99", "none"},
		{"2 h", "span 2h"},
		{"-edge", "none"},
		{"-2", "none"},
		{"half past six", "none"},
	})
}

// TestMoments is when things happen.
func TestMoments(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, func(said []string) (when.Found, error) { return when.ReadMoment(said, now) }, [][2]string{
		{"18:00", "moment Wed 2026-06-10 18:00 CEST"},
		{"6pm", "moment Wed 2026-06-10 18:00 CEST"},
		{"6 pm", "moment Wed 2026-06-10 18:00 CEST"},
		{"at 6:30pm", "moment Wed 2026-06-10 18:30 CEST"},
		{"at 6.30 p.m.", "moment Wed 2026-06-10 18:30 CEST"},
		{"6:30 am", "moment Thu 2026-06-11 06:30 CEST"},
		{"at 14:20", "moment Thu 2026-06-11 14:20 CEST"},
		{"at 14", "moment Thu 2026-06-11 14:00 CEST"},
		{"at 15", "moment Wed 2026-06-10 15:00 CEST"},
		{"noon", "moment Thu 2026-06-11 12:00 CEST"},
		{"midnight", "moment Thu 2026-06-11 00:00 CEST"},
		{"at 12am", "moment Thu 2026-06-11 00:00 CEST"},
		{"at 12pm", "moment Thu 2026-06-11 12:00 CEST"},
		{"at 0:15", "moment Thu 2026-06-11 00:15 CEST"},
		{"18:00 utc", "moment Wed 2026-06-10 20:00 CEST"},
		{"at 23:30 gmt", "moment Thu 2026-06-11 01:30 CEST"},
		{"6 in the morning", "moment Thu 2026-06-11 06:00 CEST"},
		{"at 6 in the evening", "moment Wed 2026-06-10 18:00 CEST"},
		{"at 11 at night", "moment Wed 2026-06-10 23:00 CEST"},
		{"at half past 6", "two readings: Wed 2026-06-10 18:30 CEST | Thu 2026-06-11 06:30 CEST"},
		{"at quarter to 18", "moment Wed 2026-06-10 17:45 CEST"},
		{"at a quarter past 15", "moment Wed 2026-06-10 15:15 CEST"},
		{"tomorrow at 02:00", "moment Thu 2026-06-11 02:00 CEST"},
		{"tomorrow, 02:00", "moment Thu 2026-06-11 02:00 CEST"},
		{"02:00 tomorrow", "moment Thu 2026-06-11 02:00 CEST"},
		{"tomorrow morning at 8", "moment Thu 2026-06-11 08:00 CEST"},
		{"tomorrow evening at 8:30", "moment Thu 2026-06-11 20:30 CEST"},
		{"8:30 tomorrow evening", "moment Thu 2026-06-11 20:30 CEST"},
		{"tomorrow evening at 20:30", "moment Thu 2026-06-11 20:30 CEST"},
		{"tomorrow in the morning at 7", "moment Thu 2026-06-11 07:00 CEST"},
		{"tonight at 11", "moment Wed 2026-06-10 23:00 CEST"},
		{"tonight at 23:00", "moment Wed 2026-06-10 23:00 CEST"},
		{"tonight at 1", "moment Thu 2026-06-11 01:00 CEST"},
		{"tonight at 01:30", "moment Thu 2026-06-11 01:30 CEST"},
		{"tonight at midnight", "moment Thu 2026-06-11 00:00 CEST"},
		{"this evening at 7", "moment Wed 2026-06-10 19:00 CEST"},
		{"8pm tonight", "moment Wed 2026-06-10 20:00 CEST"},
		{"this afternoon at 3", "moment Wed 2026-06-10 15:00 CEST"},
		{"tomorrow noon", "moment Thu 2026-06-11 12:00 CEST"},
		{"noon tomorrow", "moment Thu 2026-06-11 12:00 CEST"},
		{"the day after tomorrow at 6am", "moment Fri 2026-06-12 06:00 CEST"},
		{"day after tomorrow at 6am", "moment Fri 2026-06-12 06:00 CEST"},
		{"friday at 9am", "moment Fri 2026-06-12 09:00 CEST"},
		{"on friday at 09:00", "moment Fri 2026-06-12 09:00 CEST"},
		{"9am on friday", "moment Fri 2026-06-12 09:00 CEST"},
		{"fri 9am", "moment Fri 2026-06-12 09:00 CEST"},
		{"this friday 9am", "moment Fri 2026-06-12 09:00 CEST"},
		{"the coming friday at 9am", "moment Fri 2026-06-12 09:00 CEST"},
		{"monday at 10:00", "moment Mon 2026-06-15 10:00 CEST"},
		{"next monday at 10:00", "moment Mon 2026-06-15 10:00 CEST"},
		{"friday next week at 10:00", "moment Fri 2026-06-19 10:00 CEST"},
		{"sunday next week at 10:00", "moment Sun 2026-06-21 10:00 CEST"},
		{"next wednesday at 10:00", "moment Wed 2026-06-17 10:00 CEST"},
		{"wednesday at 10:00", "moment Wed 2026-06-17 10:00 CEST"},
		{"next friday at 9am", "two readings: Fri 2026-06-12 09:00 CEST | Fri 2026-06-19 09:00 CEST"},
		{"wednesday at 18:00", "two readings: Wed 2026-06-10 18:00 CEST | Wed 2026-06-17 18:00 CEST"},
		{"at 6", "two readings: Wed 2026-06-10 18:00 CEST | Thu 2026-06-11 06:00 CEST"},
		{"tomorrow at 6", "two readings: Thu 2026-06-11 06:00 CEST | Thu 2026-06-11 18:00 CEST"},
		{"at 12", "two readings: Thu 2026-06-11 00:00 CEST | Thu 2026-06-11 12:00 CEST"},
		{"today at 6", "moment Wed 2026-06-10 18:00 CEST"},
		{"friday midnight", "two readings: Fri 2026-06-12 00:00 CEST | Sat 2026-06-13 00:00 CEST"},
		{"6 o'clock", "two readings: Wed 2026-06-10 18:00 CEST | Thu 2026-06-11 06:00 CEST"},
		{"2026-06-12 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"on 2026-06-12 at 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"2026-06-12t04:00:00z", "moment Fri 2026-06-12 06:00 CEST"},
		{"2026-06-12 04:00:30", "moment Fri 2026-06-12 04:00:30 CEST"},
		{"2026-06-12 04:00 utc", "moment Fri 2026-06-12 06:00 CEST"},
		{"fri 2026-06-12 04:00 cest", "moment Fri 2026-06-12 04:00 CEST"},
		{"june 12 at 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"12 june 4am", "moment Fri 2026-06-12 04:00 CEST"},
		{"the 12th of june at 4am", "moment Fri 2026-06-12 04:00 CEST"},
		{"4am on june 12th", "moment Fri 2026-06-12 04:00 CEST"},
		{"june 12 2026 at 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"the 12th at 4am", "moment Fri 2026-06-12 04:00 CEST"},
		{"the 3rd at 4am", "moment Fri 2026-07-03 04:00 CEST"},
		{"12.06. 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"12.06.2026 at 04:00", "moment Fri 2026-06-12 04:00 CEST"},
		{"13/06 at 04:00", "moment Sat 2026-06-13 04:00 CEST"},
		{"06/13 at 04:00", "moment Sat 2026-06-13 04:00 CEST"},
		{"06/07 at 04:00", "two readings: Mon 2026-07-06 04:00 CEST | Mon 2027-06-07 04:00 CEST"},
		{"in 2h", "moment Wed 2026-06-10 16:20 CEST"},
		{"in an hour and a half", "moment Wed 2026-06-10 15:50 CEST"},
		{"two hours from now", "moment Wed 2026-06-10 16:20 CEST"},
		{"in 90 seconds", "moment Wed 2026-06-10 14:21:30 CEST"},
		{"in a week", "moment Wed 2026-06-17 14:20 CEST"},
		{"in an hour or two", "two readings: 1h | 2h"},
		{"starting at 22:00", "moment Wed 2026-06-10 22:00 CEST"},
		{"from 22:00 on edge-1", "moment Wed 2026-06-10 22:00 CEST + on edge-1"},
		{"today at 6am", "past"},
		{"yesterday at 18:00", "past"},
		{"2026-06-09 04:00", "past"},
		{"2025-06-12 04:00", "past"},
		{"2026-08-01 04:00", "too far"},
		{"in 31 days", "too far"},
		{"june 1 at 04:00", "too far"},
		{"tomorrow", "no clock"},
		{"tonight", "no clock"},
		{"on friday", "no clock"},
		{"tomorrow morning", "no clock"},
		{"2026-06-12", "no clock"},
		{"the 12th", "no clock"},
		{"june 12", "no clock"},
		{"25:00", "no such time"},
		{"12:60", "no such time"},
		{"13pm", "no such time"},
		{"0am", "no such time"},
		{"2026-06-31 04:00", "no such time + 04:00"},
		{"june 31 at 04:00", "no such time + at 04:00"},
		{"thu 2026-06-12 04:00", "no such time"},
		{"this morning at 18:00", "no such time"},
		{"6", "none"},
		{"18:0", "none"},
		{"18:00:00", "none"},
		{"-1:00", "none"},
		{"1800", "none"},
		{"fri", "none"},
		{"sun", "none"},
		{"at edge-1", "none"},
		{"in berlin", "none"},
		{"at 3 times", "none"},
		{"at 5 minutes", "none"},
		{"on 5", "none"},
		{"may 5 nodes", "no clock + nodes"},
		{"100:00", "none"},
	})
}

// TestWindows is from when to when.
func TestWindows(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, func(said []string) (when.Found, error) { return when.ReadWindow(said, now) }, [][2]string{
		{"until 18:00", "window until Wed 2026-06-10 18:00 CEST (3h40m)"},
		{"till midnight", "window until Thu 2026-06-11 00:00 CEST (9h40m)"},
		{"until tomorrow 8am", "window until Thu 2026-06-11 08:00 CEST (17h40m)"},
		{"until friday noon", "window until Fri 2026-06-12 12:00 CEST (45h40m)"},
		{"until noon tomorrow", "window until Thu 2026-06-11 12:00 CEST (21h40m)"},
		{"until 2026-06-12 04:00", "window until Fri 2026-06-12 04:00 CEST (37h40m)"},
		{"until tomorrow morning at 8", "window until Thu 2026-06-11 08:00 CEST (17h40m)"},
		{"until 8 in the evening", "window until Wed 2026-06-10 20:00 CEST (5h40m)"},
		{"until 20", "window until Wed 2026-06-10 20:00 CEST (5h40m)"},
		{"until 6", "two readings: Wed 2026-06-10 18:00 CEST | Thu 2026-06-11 06:00 CEST"},
		{"until tomorrow", "two readings: Thu 2026-06-11 00:00 CEST | Fri 2026-06-12 00:00 CEST"},
		{"until friday", "two readings: Fri 2026-06-12 00:00 CEST | Sat 2026-06-13 00:00 CEST"},
		{"until tomorrow morning", "no clock"},
		{"until today 6am", "past"},
		{"until 2026-08-01 04:00", "too far"},
		{"until it works", "none"},
		{"until", "none"},
		{"until 2h", "none"},
		{"until 5001", "none"},
		{"from 22:00 to 02:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h)"},
		{"22:00 to 02:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h)"},
		{"22:00-02:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h)"},
		{"22:00 - 02:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 02:00 CEST (4h)"},
		{"from 16:00 until 17:30", "window Wed 2026-06-10 16:00 CEST to Wed 2026-06-10 17:30 CEST (1h30m)"},
		{"from 16:00 until 17:30 on edge-1", "window Wed 2026-06-10 16:00 CEST to Wed 2026-06-10 17:30 CEST (1h30m) + on edge-1"},
		{"between 4pm and 6pm", "window Wed 2026-06-10 16:00 CEST to Wed 2026-06-10 18:00 CEST (2h)"},
		{"tomorrow from 9am to 11am", "window Thu 2026-06-11 09:00 CEST to Thu 2026-06-11 11:00 CEST (2h)"},
		{"from 9 to 11am", "window Thu 2026-06-11 09:00 CEST to Thu 2026-06-11 11:00 CEST (2h)"},
		{"9-11am", "window Thu 2026-06-11 09:00 CEST to Thu 2026-06-11 11:00 CEST (2h)"},
		{"from 11 to 1pm", "window Thu 2026-06-11 11:00 CEST to Thu 2026-06-11 13:00 CEST (2h)"},
		{"on saturday between 3am and 5am", "window Sat 2026-06-13 03:00 CEST to Sat 2026-06-13 05:00 CEST (2h)"},
		{"on saturday at 3am for 90 minutes", "window Sat 2026-06-13 03:00 CEST to Sat 2026-06-13 04:30 CEST (1h30m)"},
		{"tonight from 23:00 to 01:00", "window Wed 2026-06-10 23:00 CEST to Thu 2026-06-11 01:00 CEST (2h)"},
		{"from 2026-06-12 04:00 to 2026-06-12 06:00", "window Fri 2026-06-12 04:00 CEST to Fri 2026-06-12 06:00 CEST (2h)"},
		{"from friday 22:00 to sunday 06:00", "window Fri 2026-06-12 22:00 CEST to Sun 2026-06-14 06:00 CEST (32h)"},
		{"from 22:00 until tomorrow 6am", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 06:00 CEST (8h)"},
		{"tomorrow 02:00-04:00", "window Thu 2026-06-11 02:00 CEST to Thu 2026-06-11 04:00 CEST (2h)"},
		{"for 2h starting at 22:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 00:00 CEST (2h)"},
		{"for 2h tomorrow at 6am", "window Thu 2026-06-11 06:00 CEST to Thu 2026-06-11 08:00 CEST (2h)"},
		{"for two hours from 22:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 00:00 CEST (2h)"},
		{"2h from 22:00", "window Wed 2026-06-10 22:00 CEST to Thu 2026-06-11 00:00 CEST (2h)"},
		{"for 2h", "span 2h"},
		{"for 2h on edge-3", "span 2h + on edge-3"},
		{"for 2h in berlin", "span 2h + in berlin"},
		{"for 2h in 10 minutes", "span 2h + in 10 minutes"},
		{"in 2 days at", "none"},
		{"from 22:00", "none"},
		{"from edge-1 to edge-3", "none"},
		{"between edge-1 and 22:00", "none"},
		{"at 22:00 and 23:00", "none"},
		{"from 3 to 5", "two readings: Wed 2026-06-10 15:00 CEST | Thu 2026-06-11 03:00 CEST"},
		{"from 12:00 to 18:00", "two readings: until Wed 2026-06-10 18:00 CEST | Thu 2026-06-11 12:00 CEST to Thu 2026-06-11 18:00 CEST"},
		{"today from 12:00 to 18:00", "past"},
		{"from 22:00 to 5", "two readings: Thu 2026-06-11 05:00 CEST | Thu 2026-06-11 17:00 CEST"},
		{"tomorrow for 2h", "no clock + for 2h"},
		{"from tomorrow 6am to today 18:00", "nothing"},
		{"from friday 22:00 to 2026-09-01 06:00", "too far"},
		{"tomorrow 02:00 for 31 days", "too far"},
		{"tomorrow 02:00 for 0m", "nothing"},
		{"tomorrow at 02:00 until 25:00", "no such time"},
		{"next friday from 9am to 10am", "two readings: Fri 2026-06-12 09:00 CEST | Fri 2026-06-19 09:00 CEST"},
	})
}

// TestBacks is how far people look back.
func TestBacks(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, func(said []string) (when.Found, error) { return when.ReadBack(said, now) }, [][2]string{
		{"the last 2 hours", "back 2h"},
		{"over the last 24h", "back 24h"},
		{"last 30m", "back 30m"},
		{"in the last half hour", "back 30m"},
		{"the past hour", "back 1h"},
		{"the last day", "back 24h"},
		{"last week", "back 168h"},
		{"during the previous three days", "back 72h"},
		{"today", "back 14h20m"},
		{"this week", "back 62h20m"},
		{"since 6am", "back 8h20m"},
		{"since noon", "back 2h20m"},
		{"since yesterday", "back 38h20m"},
		{"since yesterday at 18:00", "back 20h20m"},
		{"since monday", "back 62h20m"},
		{"since friday 18:00", "back 116h20m"},
		{"since 18:00", "back 20h20m"},
		{"since today", "back 14h20m"},
		{"since midnight", "back 14h20m"},
		{"the last 31 days", "too far"},
		{"the last month", "too far"},
		{"the last 0 hours", "nothing"},
		{"the last 1-2 hours", "two readings: 1h | 2h"},
		{"since 2026-01-01", "too far"},
		{"since 25:00", "no such time"},
		{"the last one", "none"},
		{"last", "none"},
		{"since", "none"},
		{"since then", "none"},
		{"this", "none"},
		{"last, 2 hours", "none"},
		{"the cache", "none"},
		{"since 6", "none"},
	})
}

// TestSchedules is how often things happen.
func TestSchedules(t *testing.T) {
	t.Parallel()
	now := wednesday(t)
	check(t, now, when.ReadSchedule, [][2]string{
		{"every day at 5:30", "schedule 30 5 * * *"},
		{"every day at 5:30pm", "schedule 30 17 * * *"},
		{"daily at noon", "schedule 0 12 * * *"},
		{"daily at midnight", "schedule 0 0 * * *"},
		{"every sunday at 4", "schedule 0 4 * * 0"},
		{"every Sunday at 4 pm", "schedule 0 16 * * 0"},
		{"every monday and friday at 6pm", "schedule 0 18 * * 1,5"},
		{"every mon, wed and fri at 06:05", "schedule 5 6 * * 1,3,5"},
		{"mondays at 5", "schedule 0 5 * * 1"},
		{"every monday, wednesday, and friday at 7", "schedule 0 7 * * 1,3,5"},
		{"every weekday at 7", "schedule 0 7 * * 1-5"},
		{"weekdays at 05:30", "schedule 30 5 * * 1-5"},
		{"on weekdays at 05:30", "schedule 30 5 * * 1-5"},
		{"weekends at 8am", "schedule 0 8 * * 0,6"},
		{"5:30 every day", "schedule 30 5 * * *"},
		{"4 on sundays", "schedule 0 4 * * 0"},
		{"at 4 on sundays", "schedule 0 4 * * 0"},
		{"every day at five", "schedule 0 5 * * *"},
		{"on saturdays and sundays at 7am", "schedule 0 7 * * 6,0"},
		{"every morning at 6", "schedule 0 6 * * *"},
		{"every evening at 8", "schedule 0 20 * * *"},
		{"every night at 2", "schedule 0 2 * * *"},
		{"nightly at 11", "schedule 0 23 * * *"},
		{"every friday evening at 6", "schedule 0 18 * * 5"},
		{"sunday nights at 3", "none"},
		{"every day at 6 and 18", "schedule 0 6,18 * * *"},
		{"every day at 6:30, 12:30 and 18:30", "schedule 30 6,12,18 * * *"},
		{"every day at 6:00 and 18:30", "not regular"},
		{"weekly on monday at 5", "schedule 0 5 * * 1"},
		{"every week on sunday at 4", "schedule 0 4 * * 0"},
		{"once a day at 5", "schedule 0 5 * * *"},
		{"once a week on friday at 17:00", "schedule 0 17 * * 5"},
		{"on the 1st of every month at 6", "schedule 0 6 1 * *"},
		{"every 15th at 4am", "schedule 0 4 15 * *"},
		{"monthly on the 1st at 06:00", "schedule 0 6 1 * *"},
		{"every month on the 15th at 4", "schedule 0 4 15 * *"},
		{"every first of the month at 6", "schedule 0 6 1 * *"},
		{"every monday 05:30", "schedule 30 5 * * 1"},
		{"hourly", "schedule 0 * * * *"},
		{"@hourly", "schedule 0 * * * *"},
		{"@daily", "schedule 0 0 * * *"},
		{"@weekly", "schedule 0 0 * * 0"},
		{"@monthly", "schedule 0 0 1 * *"},
		{"@yearly", "schedule 0 0 1 1 *"},
		{"every hour at quarter past", "schedule 15 * * * *"},
		{"every hour at half past", "schedule 30 * * * *"},
		{"hourly at :15", "schedule 15 * * * *"},
		{"every hour at 20 past", "schedule 20 * * * *"},
		{"every hour at :75", "no such time"},
		{"@every 30m", "schedule @every 30m"},
		{"@every 1h30m", "schedule @every 1h30m"},
		{"every 30 minutes", "schedule @every 30m"},
		{"every thirty minutes", "schedule @every 30m"},
		{"every 90s", "schedule @every 1m30s"},
		{"every hour", "schedule @every 1h"},
		{"every 2 days", "schedule @every 48h"},
		{"each minute", "schedule @every 1m"},
		{"every half hour", "schedule @every 30m"},
		{"every hour and a half", "schedule @every 1h + and a half"},
		{"every other hour", "schedule @every 2h"},
		{"twice an hour", "schedule @every 30m"},
		{"twice a day", "schedule @every 12h"},
		{"four times a day", "schedule @every 6h"},
		{"three times an hour", "schedule @every 20m"},
		{"once an hour", "schedule @every 1h"},
		{"30 5 * * *", "schedule 30 5 * * *"},
		{"0,30 5 * * 1-5", "schedule 0,30 5 * * 1-5"},
		{"0, 30 5 * * 1-5", "schedule 0,30 5 * * 1-5"},
		{"*/5 1-4 * jan sun", "schedule */5 1-4 * jan sun"},
		{"every day", "no clock"},
		{"every sunday", "no clock"},
		{"every night", "no clock"},
		{"every day at", "no clock + at"},
		{"every day at 25", "no such time"},
		{"every day at 5:60", "no such time"},
		{"every day at 13pm", "no such time"},
		{"every 0 minutes", "not regular"},
		{"every 10ms", "not regular"},
		{"every 90 days", "too far"},
		{"every other day", "not regular"},
		{"every other monday at 5", "not regular + at 5"},
		{"every day at 18:00 utc", "no such time"},
		{"every 1-2 hours", "two readings: 1h | 2h"},
		{"every -5 minutes", "past"},
		{"every", "none"},
		{"every node", "none"},
		{"at 5", "none"},
		{"tomorrow at 5", "none"},
		{"every full moon", "none"},
		{"61 5 * * *", "none"},
		{"30 5 * *", "none"},
		{"@every", "none"},
		{"@every soon", "none"},
		{"@reboot", "none"},
		{"monday at 5", "none"},
		{"5", "none"},
		{"once", "none"},
		{"once tom agrees", "none"},
		{"twice", "none"},
		{"three nodes", "none"},
		{"every month", "none"},
		{"weekly", "none"},
		{"30 5 * * * *", "schedule 30 5 * * * + *"},
	})
}

// TestClocksThatChange: in the night of 29 March 2026 clocks in Berlin jump from 2 to 3, in that of 25 October they go back from 3 to 2.
func TestClocksThatChange(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	spring, autumn := time.Date(2026, 3, 28, 22, 0, 0, 0, berlin), time.Date(2026, 10, 24, 22, 0, 0, 0, berlin)
	check(t, spring, func(said []string) (when.Found, error) { return when.Read(said, spring) }, [][2]string{
		{"until 6:00", "window until Sun 2026-03-29 06:00 CEST (7h)"},
		{"from 23:00 to 05:00", "window Sat 2026-03-28 23:00 CET to Sun 2026-03-29 05:00 CEST (5h)"},
		{"tomorrow at 02:30", "no such time"},
		{"until 2:30", "no such time"},
		{"tomorrow 01:30 for 2h", "window Sun 2026-03-29 01:30 CET to Sun 2026-03-29 04:30 CEST (2h)"},
		{"in 5 hours", "moment Sun 2026-03-29 04:00 CEST"},
	})
	check(t, autumn, func(said []string) (when.Found, error) { return when.Read(said, autumn) }, [][2]string{
		{"until 6:00", "window until Sun 2026-10-25 06:00 CET (9h)"},
		{"tomorrow at 02:30", "two readings: Sun 2026-10-25 02:30 CEST | Sun 2026-10-25 02:30 CET"},
		{"sun 2026-10-25 02:30 cest", "moment Sun 2026-10-25 02:30 CEST"},
		{"sun 2026-10-25 02:30 cet", "moment Sun 2026-10-25 02:30 CET"},
		{"2026-10-25 00:30 utc", "moment Sun 2026-10-25 02:30 CEST"},
		{"tomorrow 01:30 to 03:30", "window Sun 2026-10-25 01:30 CEST to Sun 2026-10-25 03:30 CET (3h)"},
	})
	within := time.Date(2026, 10, 25, 1, 15, 0, 0, time.UTC).In(berlin) // 02:15 for the second time
	check(t, within, func(said []string) (when.Found, error) { return when.Read(said, within) }, [][2]string{
		{"until 3:00", "window until Sun 2026-10-25 03:00 CET (45m)"},
		{"today", "back 3h15m"},
	})
	midnight := time.Date(2026, 9, 5, 12, 0, 0, 0, zone(t, "America/Santiago")) // where the clocks go forward at midnight
	check(t, midnight, func(said []string) (when.Found, error) { return when.Read(said, midnight) }, [][2]string{
		{"until midnight", "no such time"},
		{"until 1am", "window until Sun 2026-09-06 01:00 -03 (12h)"},
	})
}

// TestNextFridayOnEveryDay: whether it has two readings depends on what day it is.
func TestNextFridayOnEveryDay(t *testing.T) {
	t.Parallel()
	for day, want := range map[int]string{
		8:  "two readings: Fri 2026-06-12 09:00 CEST | Fri 2026-06-19 09:00 CEST", // Monday
		11: "two readings: Fri 2026-06-12 09:00 CEST | Fri 2026-06-19 09:00 CEST",
		12: "moment Fri 2026-06-19 09:00 CEST", // Friday
		13: "moment Fri 2026-06-19 09:00 CEST",
		14: "moment Fri 2026-06-19 09:00 CEST", // Sunday
	} {
		now := time.Date(2026, 6, day, 8, 0, 0, 0, zone(t, "Europe/Berlin"))
		said := strings.Fields("next friday at 9am")
		f, err := when.Read(said, now)
		if got := brief(f, err, said, now); got != want {
			t.Errorf("on %s: %s, want %s", now.Weekday(), got, want)
		}
	}
}
