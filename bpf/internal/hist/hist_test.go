package hist

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
)

const vectorsPath = "../../include/histogram-vectors.json"

var update = flag.Bool("update", false, "rewrite "+vectorsPath)

// vectors is the file that implementations in other languages test themselves against. Values
// are decimal strings, because not every language has 64-bit numbers.
type vectors struct {
	Scheme string   `json:"bucketScheme"`
	Slots  int      `json:"slots"`
	Rows   []vector `json:"rows"`
}

type vector struct {
	Value      string `json:"value"`
	Index      int    `json:"index"`
	LowerBound string `json:"lowerBound"`
}

// edges are 0 and, around each power of two, the values where bucket, width or both change.
func edges() []uint64 {
	values := []uint64{0, 5, math.MaxUint64}
	for shift := range 64 {
		power := uint64(1) << shift
		values = append(values, power-1, power, power+1, power+power/2, power+power/32)
	}
	return values
}

func vectorsOf(values []uint64) vectors {
	v := vectors{Scheme: Scheme, Slots: Slots}
	seen := map[uint64]bool{}
	for _, value := range values {
		if !seen[value] {
			index := Index(value)
			v.Rows = append(v.Rows, vector{fmt.Sprint(value), index, fmt.Sprint(LowerBound(index))})
		}
		seen[value] = true
	}
	return v
}

func TestVectorsFile(t *testing.T) {
	want := vectorsOf(edges())
	if *update {
		var out bytes.Buffer
		fmt.Fprintf(&out, "{\n  \"bucketScheme\": %q,\n  \"slots\": %d,\n  \"rows\": [\n", Scheme, Slots)
		for i, row := range want.Rows {
			line, _ := json.Marshal(row)
			comma := ","
			if i == len(want.Rows)-1 {
				comma = ""
			}
			fmt.Fprintf(&out, "    %s%s\n", line, comma)
		}
		out.WriteString("  ]\n}\n")
		if err := os.WriteFile(vectorsPath, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	var got vectors
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is not what this package computes; after a change of the scheme (and of its "+
			"name) run: go test ./internal/hist -update", vectorsPath)
	}
}

// The formula as the contract writes it, kept apart from the implementation.
func TestIndexByHand(t *testing.T) {
	for value, want := range map[uint64]int{
		0: 0, 31: 31, 32: 32, 33: 33, 63: 63, 64: 64, 65: 64, 66: 65, 127: 95, 128: 96,
		1000: (9-4)<<5 + 30, 1_000_000: (19-4)<<5 + 29, 1 << 40: (40 - 4) << 5, math.MaxUint64: 1919,
	} {
		if got := Index(value); got != want {
			t.Errorf("Index(%d) = %d, want %d", value, got, want)
		}
	}
}

func TestEveryBucketIsReachedAndNarrow(t *testing.T) {
	for index := range Index(math.MaxUint64) + 1 {
		lower := LowerBound(index)
		if Index(lower) != index {
			t.Fatalf("LowerBound(%d) = %d, which is of bucket %d", index, lower, Index(lower))
		}
		if index == 0 {
			continue
		}
		if Index(lower-1) != index-1 {
			t.Fatalf("%d is of bucket %d, want %d", lower-1, Index(lower-1), index-1)
		}
		if width := lower - LowerBound(index-1); width > 1 && width > LowerBound(index-1)/subBuckets {
			t.Fatalf("bucket %d is %d wide, more than 1/32 of %d", index-1, width, LowerBound(index-1))
		}
	}
}

// The same header that the BPF programs include, compiled for the host, against this package.
func TestAgreesWithC(t *testing.T) {
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("a C compiler (cc) is missing")
	}
	program := filepath.Join(t.TempDir(), "hosttest")
	if out, err := exec.Command(compiler, "-O2", "-Wall", "-Werror", "-I../../include",
		"-o", program, "testdata/hosttest.c").CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	values := edges()
	random := rand.New(rand.NewPCG(3, 1415))
	for range 100_000 {
		values = append(values, random.Uint64()>>random.UintN(64))
	}
	var in bytes.Buffer
	raw := Raw{}
	for _, v := range values {
		fmt.Fprintln(&in, v)
		raw.Sum += v
		raw.Max = max(raw.Max, v)
	}
	cmd := exec.Command(program)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the two ways to record differ: %v", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for _, v := range values {
		var index int
		lines.Scan()
		if fmt.Sscan(lines.Text(), &index); index != Index(v) {
			t.Fatalf("C puts %d into bucket %d, Go into %d", v, index, Index(v))
		}
	}
	lines.Scan()
	if want := fmt.Sprint(raw.Sum, raw.Max, 0); lines.Text() != want {
		t.Errorf("C has sum, max, overflow %s, want %s", lines.Text(), want)
	}
}

func TestMergeAddsUpCPUs(t *testing.T) {
	perCPU := []Raw{{Sum: 70, Max: 40, Overflow: 1}, {Sum: 5, Max: 5}}
	perCPU[0].Buckets[30] = 1
	perCPU[0].Buckets[40] = 2
	perCPU[1].Buckets[5] = 3
	perCPU[1].Buckets[40] = 4
	want := &Histogram{Count: 11, Sum: 75, Max: 40, Overflow: 1,
		Buckets: [][2]uint64{{5, 3}, {30, 1}, {40, 6}}}
	if got := Merge(perCPU); !reflect.DeepEqual(got, want) {
		t.Errorf("Merge = %+v, want %+v", got, want)
	}
}

func TestEmptyHistogramHasAnEmptyList(t *testing.T) {
	data, err := json.Marshal(Merge(make([]Raw, 2)))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"count":0,"sum":0,"max":0,"overflow":0,"buckets":[]}`
	if string(data) != want {
		t.Errorf("%s, want %s", data, want)
	}
}

// As many values lie at or below a quantile as it says, and it is off by no more than its bucket.
func TestQuantile(t *testing.T) {
	var raw Raw
	for v := uint64(1); v <= 1000; v++ {
		raw.Buckets[Index(v)]++
		raw.Sum += v
		raw.Max = v
	}
	h := Merge([]Raw{raw})
	for q, exact := range map[float64]uint64{0.001: 1, 0.02: 20, 0.5: 500, 0.99: 990, 1: 1000} {
		if got := h.Quantile(q); got < exact || float64(got) > float64(exact)*1.032 {
			t.Errorf("quantile %v is %d, want %d or up to 3.2 %% above", q, got, exact)
		}
	}
	if got := Merge([]Raw{{}}).Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing is %d, want 0", got)
	}
	if got := Merge([]Raw{{Overflow: 3, Max: 77}}).Quantile(0.5); got != 77 {
		t.Errorf("quantile of values without a bucket is %d, want the largest, 77", got)
	}
}
