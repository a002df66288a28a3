package httptext

import "testing"

func TestIsNameIgnoresTheCaseOfLettersOnly(t *testing.T) {
	for name, want := range map[string]bool{
		"close": true, "CLOSE": true, "cLoSe": true, "closed": false, "clos": false, "": false, "clos\x05": false,
	} {
		if got := IsName([]byte(name), "close"); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

func TestDecimalTakesDigitsAndNothingElse(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "7": 7, "007": 7, "999": 999} {
		if got, ok := Decimal([]byte(text), 3); !ok || got != want {
			t.Errorf("%q: got %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "1000", "-1", "+1", "1 ", "1e2", "٣"} {
		if got, ok := Decimal([]byte(text), 3); ok {
			t.Errorf("%q: got %d, want a refusal", text, got)
		}
	}
}
