package blockproto

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// reference is the definition of the pattern, word by word, with nothing made fast.
func reference(n uint64) []byte {
	page := make([]byte, 0, PageSize)
	word := n
	for range Words {
		page = binary.BigEndian.AppendUint64(page, word)
		word += splitmix64(n) | 1
	}
	return page
}

// vectors is the file that implementations in other languages check themselves against.
// Numbers are hexadecimal strings, because JSON numbers end at 2^53 in many languages.
type vectors struct {
	Schema int `json:"schema"`
	Pages  []struct {
		Page       string   `json:"page"`
		Step       string   `json:"step"`
		FirstWords []string `json:"firstWords"`
		LastWord   string   `json:"lastWord"`
	} `json:"pages"`
}

func TestPagesMatchTheCommittedVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file vectors
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if file.Schema != 1 || len(file.Pages) != 3 {
		t.Fatalf("vectors.json: schema %d with %d pages, want schema 1 with 3", file.Schema, len(file.Pages))
	}
	for _, vector := range file.Pages {
		var n uint64
		if _, err := fmt.Sscanf(vector.Page, "0x%x", &n); err != nil {
			t.Fatalf("page %q: %v", vector.Page, err)
		}
		var page [PageSize]byte
		FillPage(page[:], n)
		if got := hex(step(n)); got != vector.Step {
			t.Errorf("page %s: step is %s, want %s", vector.Page, got, vector.Step)
		}
		for i, want := range vector.FirstWords {
			if got := hex(wordAt(page[:], i)); got != want {
				t.Errorf("page %s: word %d is %s, want %s", vector.Page, i, got, want)
			}
		}
		if got := hex(wordAt(page[:], Words-1)); got != vector.LastWord {
			t.Errorf("page %s: last word is %s, want %s", vector.Page, got, vector.LastWord)
		}
	}
}

// Published outputs of the SplitMix64 generator seeded with 1234567: they fix the mixing function
// independently of this package.
func TestSplitmix64GivesThePublishedSequence(t *testing.T) {
	const gamma = 0x9e3779b97f4a7c15
	want := []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821}
	for i, want := range want {
		if got := splitmix64(1234567 + uint64(i)*gamma); got != want {
			t.Errorf("output %d is %d, want %d", i, got, want)
		}
	}
}

func TestVerifyAcceptsEveryPageAndFillPageFollowsTheDefinition(t *testing.T) {
	numbers := []uint64{0, 1, 2, 16383, 12345, 1 << 32, 1 << 63, math.MaxUint64}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		numbers = append(numbers, random.Uint64())
	}
	for _, n := range numbers {
		var page [PageSize]byte
		FillPage(page[:], n)
		if string(page[:]) != string(reference(n)) {
			t.Fatalf("FillPage(%d) differs from the definition", n)
		}
		if err := Verify(page[:], n); err != nil {
			t.Fatalf("Verify of page %d: %v", n, err)
		}
	}
}

func TestVerifyFindsASingleFlippedBitAnywhere(t *testing.T) {
	const n = 12345
	page := reference(n)
	for bit := range PageSize * 8 {
		page[bit/8] ^= 1 << (bit % 8)
		if Verify(page, n) == nil {
			t.Fatalf("Verify accepts page %d with bit %d flipped", n, bit)
		}
		page[bit/8] ^= 1 << (bit % 8)
	}
}

func TestVerifySaysWhatIsWrong(t *testing.T) {
	torn := append(reference(7)[:2048:2048], reference(8)[2048:]...)
	shifted := append(reference(7)[1:], 0)
	for _, test := range []struct {
		name  string
		reply []byte
		want  string
	}{
		{"another page", reference(8), "reply for page 7 begins with page number 8"},
		{"two pages mixed", torn, "reply for page 7: word 256 of 512 is "},
		{"shifted by a byte", shifted, "reply for page 7 begins with page number "},
		{"zeros", make([]byte, PageSize), "reply for page 7 begins with page number 0"},
		{"short", reference(7)[:PageSize-1], "reply for page 7 has 4095 bytes, want 4096"},
		{"long", append(reference(7), 0), "reply for page 7 has 4097 bytes, want 4096"},
		{"empty", nil, "reply for page 7 has 0 bytes, want 4096"},
	} {
		err := Verify(test.reply, 7)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q…", test.name, err, test.want)
		}
	}
}

func TestVerifyOfAGoodReplyDoesNotAllocate(t *testing.T) {
	page := reference(99)
	if n := testing.AllocsPerRun(100, func() {
		if Verify(page, 99) != nil {
			t.Fail()
		}
	}); n != 0 {
		t.Errorf("Verify allocates %v times, want 0", n)
	}
}

func TestRequestIsTheBigEndianPageNumber(t *testing.T) {
	var request [RequestSize]byte
	PutRequest(request[:], 0x0102030405060708)
	if request != [...]byte{1, 2, 3, 4, 5, 6, 7, 8} {
		t.Errorf("request is % x, want 01 02 … 08", request)
	}
	if n := PageNumber(request[:]); n != 0x0102030405060708 {
		t.Errorf("PageNumber is %#x", n)
	}
}

func BenchmarkVerify(b *testing.B) {
	page := reference(12345)
	b.SetBytes(PageSize)
	for b.Loop() {
		if Verify(page, 12345) != nil {
			b.Fatal("mismatch")
		}
	}
}

func BenchmarkFillPage(b *testing.B) {
	var page [PageSize]byte
	b.SetBytes(PageSize)
	for b.Loop() {
		FillPage(page[:], 12345)
	}
}

func wordAt(page []byte, i int) uint64 { return binary.BigEndian.Uint64(page[8*i:]) }

func hex(v uint64) string { return fmt.Sprintf("0x%016x", v) }
