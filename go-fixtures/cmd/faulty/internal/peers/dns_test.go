package peers

import (
	"bytes"
	"testing"
)

// A query for the address of "a.test." with an EDNS record behind the question, as Go's resolver sends it.
var query = []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01" + "\x01a\x04test\x00\x00\x01\x00\x01" +
	"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00")

const question = "\x01a\x04test\x00\x00\x01\x00\x01"

func TestAddressIsAnsweredAndTheQuestionRepeated(t *testing.T) {
	want := "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + question +
		"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x7f\x00\x00\x01"
	if got := answerDNS(query); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOtherTypesHaveNoAnswer(t *testing.T) {
	const typeOffset, typeAAAA = 12 + len(question) - 3, 28
	other := bytes.Clone(query)
	other[typeOffset] = typeAAAA
	got := answerDNS(other)
	if len(got) != 12+len(question) || got[7] != 0 || got[3]&0xf != 0 {
		t.Errorf("got %q, want the question, no answer and no error", got)
	}
}

func TestWhatIsNoQueryIsNotAnswered(t *testing.T) {
	for length := range 12 + len(question) {
		if got := answerDNS(query[:length]); got != nil {
			t.Errorf("the first %d bytes: got %q, want nothing", length, got)
		}
	}
	for _, questions := range []byte{0, 2} {
		other := bytes.Clone(query)
		other[5] = questions
		if got := answerDNS(other); got != nil {
			t.Errorf("%d questions: got %q, want nothing", questions, got)
		}
	}
}
