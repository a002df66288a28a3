package oncpu

import (
	"reflect"
	"testing"
)

func at(function string, line int) Frame {
	return Frame{Function: function, File: function + ".go", Line: line}
}

func TestFillFoldsAndSumsUp(t *testing.T) {
	leaf, other := at("leaf", 1), at("leaf", 2)
	root := at("root", 9)
	d := Details{}
	d.fill([]Thread{{7, Counts{1, 0}}, {5, Counts{9, 3}}, {3, Counts{1, 1}}}, []Stack{
		{[]Frame{leaf, root}, Counts{2, 1}},
		{[]Frame{other, root}, Counts{4, 0}},
		{[]Frame{leaf, root}, Counts{3, 1}}, // another address of the same line
		{[]Frame{root, root}, Counts{1, 0}}, // recursion counts once
		{nil, Counts{1, 1}},
	})
	wantStacks := []Stack{
		{[]Frame{leaf, root}, Counts{5, 2}}, {[]Frame{other, root}, Counts{4, 0}},
		{nil, Counts{1, 1}}, {[]Frame{root, root}, Counts{1, 0}},
	}
	if !reflect.DeepEqual(d.Stacks, wantStacks) || d.StacksLeftOut != 0 || d.SamplesLeftOut != 0 {
		t.Errorf("stacks %+v, left out %d (%d samples)", d.Stacks, d.StacksLeftOut, d.SamplesLeftOut)
	}
	wantFunctions := []Function{{"leaf", Counts{9, 2}, 9}, {"root", Counts{1, 0}, 10}, {"", Counts{1, 1}, 1}}
	if !reflect.DeepEqual(d.Functions, wantFunctions) {
		t.Errorf("functions %+v", d.Functions)
	}
	wantThreads := []Thread{{5, Counts{9, 3}}, {3, Counts{1, 1}}, {7, Counts{1, 0}}}
	if !reflect.DeepEqual(d.Threads, wantThreads) {
		t.Errorf("threads %+v", d.Threads)
	}
}

func TestFillCountsWhatItLeavesOut(t *testing.T) {
	var threads []Thread
	var stacks []Stack
	for i := range 300 {
		threads = append(threads, Thread{uint32(i), Counts{1, 0}})
		stacks = append(stacks, Stack{[]Frame{at("f", i)}, Counts{2, 0}})
	}
	d := Details{}
	d.fill(threads, stacks)
	if len(d.Threads) != 32 || d.ThreadsLeftOut != 268 || len(d.Stacks) != 256 || d.StacksLeftOut != 44 ||
		d.SamplesLeftOut != 88 || len(d.Functions) != 1 || d.Functions[0].Samples != 600 {
		t.Errorf("%d threads and %d more, %d stacks and %d more with %d samples, functions %+v", len(d.Threads),
			d.ThreadsLeftOut, len(d.Stacks), d.StacksLeftOut, d.SamplesLeftOut, d.Functions)
	}
}
