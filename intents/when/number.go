package when

import (
	"strconv"
	"strings"
)

// mostDigits bounds the numbers that are read: no time needs more.
const mostDigits = 9

// number reads a whole number at i, in digits or in words up to ninety-nine, and returns the word behind it; -1 where there is none.
func (w words) number(i int) (n, next int) {
	s := w.at(i)
	if digits(s) {
		if len(s) > mostDigits {
			s = s[:mostDigits] // far more than anything that is allowed
		}
		n, _ = strconv.Atoi(s) // digits only
		return n, i + 1
	}
	if tens, unit, ok := strings.Cut(s, "-"); ok {
		if t, u := numberWord(tens), numberWord(unit); t >= 20 && u >= 1 && u <= 9 {
			return t + u, i + 1
		}
		return 0, -1
	}
	n = numberWord(s)
	if n < 0 {
		return 0, -1
	}
	if u := numberWord(w.at(i + 1)); n >= 20 && u >= 1 && u <= 9 && !w.pause(i) {
		return n + u, i + 2
	}
	return n, i + 1
}

// numberWord returns what one word counts, -1 where it is no number.
func numberWord(s string) int {
	if s == "" {
		return -1
	}
	switch s[0] { // most words are none
	case 'z', 'o', 't', 'f', 's', 'e', 'n':
	default:
		return -1
	}
	for n, word := range smallNumbers() {
		if word == s {
			return n
		}
	}
	for n, word := range tens() {
		if word == s {
			return 20 + 10*n
		}
	}
	return -1
}

func smallNumbers() [20]string {
	return [20]string{
		"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen",
		"sixteen", "seventeen", "eighteen", "nineteen",
	}
}

func tens() [8]string {
	return [8]string{"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
}

// ordinal reads "1st", "12th", "first" to "tenth" and returns the number, 0 where s is none.
func ordinal(s string) int {
	if len(s) > 2 && digits(s[:len(s)-2]) && len(s) <= 4 {
		n, _ := strconv.Atoi(s[:len(s)-2]) // two digits at most
		switch s[len(s)-2:] {
		case "st", "nd", "rd", "th":
			return n
		}
	}
	for n, word := range [10]string{"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"} {
		if s == word {
			return n + 1
		}
	}
	return 0
}
