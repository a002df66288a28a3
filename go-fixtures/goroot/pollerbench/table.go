package main

import (
	"fmt"
	"slices"
)

// print writes a scenario's table in Markdown.
func print(s scenario, rows []row) {
	fmt.Printf("\n%s: %s\n\n", s.name, s.about)
	fmt.Println("| design | replies/s | CPU busy | CPU µs/reply | ratio (quartiles) | switches/reply | task_work runs/reply |")
	fmt.Println("| :--- | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, r := range rows {
		ratios := make([]float64, len(r.cpuUs))
		for i, us := range r.cpuUs {
			ratios[i] = us / rows[0].cpuUs[i]
		}
		taskWork := "-"
		if r.taskWorkOK {
			taskWork = fmt.Sprintf("%.3f", r.taskWork)
		}
		fmt.Printf("| %s | %.0f | %.0f %% | %.2f | %.2f (%.2f to %.2f) | %.3f | %s |\n", r.design.name,
			quantile(r.ratePerSec, 0.5), 100*quantile(r.busy, 0.5), quantile(r.cpuUs, 0.5),
			quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75),
			quantile(r.switches, 0.5), taskWork)
	}
}

// quantile interpolates linearly between the two nearest of values, which must
// not be empty. 0 <= q <= 1.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}
