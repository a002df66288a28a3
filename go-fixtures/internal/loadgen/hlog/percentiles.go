package hlog

import (
	"bufio"
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// nsPerUnit scales the values of a percentile file to µs.
	nsPerUnit = 1000
	// ticksPerHalfDistance is the usual resolution: 5 lines for each halving of
	// the distance to 100 %.
	ticksPerHalfDistance = 5
)

// WritePercentiles writes the classic text of HdrHistogram (.hgrm), which its
// plotters read; values are in µs, and h holds at least one.
//
// It is not hdrhistogram-go's PercentilesPrint: that one cuts percentiles to six
// decimals, so that all above 99.99995 % are the same. The unit comes after the
// table, because plotters take the first line for the header.
func WritePercentiles(w io.Writer, tag string, h *hdrhistogram.Histogram) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	for _, row := range h.CumulativeDistributionWithTicks(ticksPerHalfDistance) {
		quantile := row.Quantile / 100
		fmt.Fprintf(b, "%12.3f %2.12f %10d", float64(row.ValueAt)/nsPerUnit, quantile, row.Count)
		if quantile < 1 {
			fmt.Fprintf(b, " %14.2f", 1/(1-quantile))
		}
		fmt.Fprintln(b)
	}
	buckets, subBuckets := shape(h)
	fmt.Fprintf(b, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", h.Mean()/nsPerUnit, h.StdDev()/nsPerUnit)
	fmt.Fprintf(b, "#[Max     = %12.3f, Total count    = %12d]\n", float64(h.Max())/nsPerUnit, h.TotalCount())
	fmt.Fprintf(b, "#[Buckets = %12d, SubBuckets     = %12d]\n", buckets, subBuckets)
	fmt.Fprintf(b, "#[Tag %s; values in microseconds]\n", tag)
	return b.Flush()
}

// shape computes what the library does not tell: sub-buckets are the power of two
// that holds 2·10^digits, and the counts are that many for the first bucket and
// half as many for each further one.
func shape(h *hdrhistogram.Histogram) (buckets, subBuckets int) {
	least := 2
	for range h.SignificantFigures() {
		least *= 10
	}
	for subBuckets = 1; subBuckets < least; subBuckets *= 2 {
	}
	return len(h.Export().Counts)/(subBuckets/2) - 1, subBuckets
}
