package statistics

// ShareInflation returns by how much the variance of the share of values that
// are ≤ threshold exceeds that of independent values, ≥ 1: n values in a sequence
// are worth n divided by it. The share is taken in as many batches of equal length
// as given, and its variance from the differences of neighbouring batches, so that
// a drift hardly counts as variance. Correlation that outlasts a batch is
// underestimated. It is 1 where every value, or none, is ≤ threshold, and where
// there are fewer values than batches.
//
// J. von Neumann et al., The mean square successive difference, Ann. Math. Stat.
// 12 (1941), 153–162, applied to batch means.
func ShareInflation(values []int64, threshold int64, batches int) float64 {
	length := len(values) / batches
	if length == 0 || batches < 2 {
		return 1
	}
	squares, total, last := 0.0, 0, 0
	for batch := range batches {
		count := 0
		for _, x := range values[batch*length : (batch+1)*length] {
			if x <= threshold {
				count++
			}
		}
		if batch > 0 {
			squares += float64(count-last) * float64(count-last)
		}
		total += count
		last = count
	}
	share := float64(total) / float64(batches*length)
	if share <= 0 || share >= 1 {
		return 1
	}
	variance := squares / float64(2*(batches-1))
	return max(variance/(float64(length)*share*(1-share)), 1)
}
