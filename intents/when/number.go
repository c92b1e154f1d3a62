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
	switch s {
	case "zero":
		return 0
	case "one":
		return 1
	case "two":
		return 2
	case "three":
		return 3
	case "four":
		return 4
	case "five":
		return 5
	case "six":
		return 6
	case "seven":
		return 7
	case "eight":
		return 8
	case "nine":
		return 9
	case "ten":
		return 10
	case "eleven":
		return 11
	case "twelve":
		return 12
	case "thirteen":
		return 13
	case "fourteen":
		return 14
	case "fifteen":
		return 15
	case "sixteen":
		return 16
	case "seventeen":
		return 17
	case "eighteen":
		return 18
	case "nineteen":
		return 19
	case "twenty":
		return 20
	case "thirty":
		return 30
	case "forty":
		return 40
	case "fifty":
		return 50
	case "sixty":
		return 60
	case "seventy":
		return 70
	case "eighty":
		return 80
	case "ninety":
		return 90
	}
	return -1
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
	switch s {
	case "first":
		return 1
	case "second":
		return 2
	case "third":
		return 3
	case "fourth":
		return 4
	case "fifth":
		return 5
	case "sixth":
		return 6
	case "seventh":
		return 7
	case "eighth":
		return 8
	case "ninth":
		return 9
	case "tenth":
		return 10
	}
	return 0
}
