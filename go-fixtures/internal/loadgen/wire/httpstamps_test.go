package wire

import (
	"strings"
	"testing"
)

// stamped is a good reply with a header of stamps.
func stamped(value string) string {
	return "HTTP/1.1 200 OK\r\nPollgate-Stamps: " + value + "\r\nContent-Length: 5\r\n\r\nhello"
}

// newStampedExchange has asked for stamps, and expects 200 and "hello".
func newStampedExchange() Exchange {
	e := NewHTTP(HTTPConfig{Method: "GET", Host: "h", Path: "/", Stamps: true, ExpectStatus: 200, ExpectBody: []byte("hello")}).NewExchange()
	e.Begin(0)
	return e
}

func TestStampsAreAskedForOnlyWhenWanted(t *testing.T) {
	c := HTTPConfig{Method: "GET", Host: "h", Path: "/", Stamps: true, ExpectStatus: 200}
	want := "GET / HTTP/1.1\r\nHost: h\r\nPollgate-Stamps: 1\r\n\r\n"
	if got := string(NewHTTP(c).NewExchange().Begin(0)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Stamps = false
	if got := string(NewHTTP(c).NewExchange().Begin(0)); strings.Contains(got, "Stamps") {
		t.Errorf("got %q, want no stamps", got)
	}
}

func TestStampsWholeAndCutAtEveryByte(t *testing.T) {
	interim := "HTTP/1.1 103 Early Hints\r\nPollgate-Stamps: 1 2\r\n\r\n"
	for name, test := range map[string]struct {
		reply string
		want  Stamps
	}{
		"small":           {stamped("100 200"), Stamps{ReadNs: 100, WriteNs: 200}},
		"at once":         {stamped("100 100"), Stamps{ReadNs: 100, WriteNs: 100}},
		"after 31 years":  {stamped("999999999999999998 999999999999999999"), Stamps{ReadNs: 999999999999999998, WriteNs: 999999999999999999}},
		"any case":        {strings.Replace(stamped("1 2"), "Pollgate-Stamps: ", "POLLGATE-stamps:\t ", 1), Stamps{ReadNs: 1, WriteNs: 2}},
		"none":            {hello, Stamps{}},
		"interim":         {interim + stamped("3 4"), Stamps{ReadNs: 3, WriteNs: 4}},
		"interim only":    {interim + hello, Stamps{}},
		"in the trailers": {chunked("5\r\nhello\r\n0\r\nPollgate-Stamps: x\r\n\r\n"), Stamps{}},
	} {
		t.Run(name, func(t *testing.T) {
			want := Result{Verdict: OK, Consumed: len(test.reply), Stamps: test.want}
			for cut := range test.reply {
				if got := feedAll(newStampedExchange(), test.reply[:cut], test.reply[cut:]); got != want {
					t.Fatalf("cut after %d bytes: got %+v, want %+v", cut, got, want)
				}
			}
		})
	}
}

func TestAnErrorHasStampsToo(t *testing.T) {
	reply := "HTTP/1.1 500 X\r\nPollgate-Stamps: 1 2\r\nContent-Length: 0\r\n\r\n"
	want := Result{Verdict: WrongStatus, Consumed: len(reply), Stamps: Stamps{ReadNs: 1, WriteNs: 2}}
	if got := feedAll(newStampedExchange(), reply); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStampsOfOneReplyAreNotThoseOfTheNext(t *testing.T) {
	e := newStampedExchange()
	feedAll(e, stamped("1 2"))
	e.Begin(0)
	if got := feedAll(e, hello); got.Verdict != OK || got.Stamps != (Stamps{}) {
		t.Errorf("got %+v, want OK without stamps", got)
	}
}

// What was asked for and is wrong is no reply of the protocol; what was not asked
// for is any header.
func TestMalformedStamps(t *testing.T) {
	for _, value := range []string{"", "1", "1 ", "1  2", "1 2 3", "1,2", "-1 2", "+1 2", "0x1 2", "1.5 2", "2 1", "a b",
		"1 1000000000000000000", strings.Repeat("0", keptLineBytes) + "1 2", "1 2\r\nPollgate-Stamps: 1 2"} {
		reply := stamped(value)
		for cut := range reply {
			got := feedAll(newStampedExchange(), reply[:cut], reply[cut:])
			if got.Verdict != WrongBody || !got.Close || got.Stamps != (Stamps{}) {
				t.Fatalf("%q cut after %d bytes: got %+v, want WrongBody and Close", value, cut, got)
			}
		}
		want := Result{Verdict: OK, Consumed: len(reply)}
		if got := feedAll(newHTTPExchange(replyCase{}), reply); got != want {
			t.Errorf("%q, not asked for: got %+v, want %+v", value, got, want)
		}
	}
}
