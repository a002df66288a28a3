package oracle

import "math"

// The formulas below hold for infinitely many requests. They check the recursion
// on long runs; no measurement is judged by them.

// MM1Quantile is the q-quantile (0 ≤ q < 1) of the latency in the queue M/M/1:
// Poisson arrivals, exponential service times with mean serviceNs, utilisation
// 0 ≤ rho < 1. The latency is exponential with mean serviceNs/(1-rho).
// (Kleinrock, Queueing Systems I, 1975, section 5.12.)
func MM1Quantile(q, serviceNs, rho float64) float64 {
	return -math.Log1p(-q) * serviceNs / (1 - rho)
}

// MG1Mean is the mean latency in the queue M/G/1, by the formula of Pollaczek
// (1930) and Khinchine (1932): Poisson arrivals at ratePerNs, service times with
// the given mean and mean of squares; ratePerNs × meanNs < 1.
func MG1Mean(ratePerNs, meanNs, meanSquareNs2 float64) float64 {
	return meanNs + ratePerNs*meanSquareNs2/(2*(1-ratePerNs*meanNs))
}

// MD1Mean is MG1Mean for a service time that is always serviceNs, at
// utilisation rho < 1.
func MD1Mean(serviceNs, rho float64) float64 {
	return MG1Mean(rho/serviceNs, serviceNs, serviceNs*serviceNs)
}

// Stall is a server that does nothing for a while in the middle of a run, with
// arrivals and service taken as a steady flow.
//
// x after its beginning, DurationNs - x of the stall are left, and x·rho of work
// have piled up: who comes then waits DurationNs - (1-rho)x. The waiting times
// are uniform between 0 and DurationNs until the pile is worked off,
// DurationNs/(1-rho) after the beginning, or between a higher bound and
// DurationNs if the run ends before.
type Stall struct {
	DurationNs float64
	// Utilisation rho of the server without the stall, ≥ 0.
	Utilisation float64
	// RunNs is the length of the run, RestNs what is left of it when the stall
	// begins.
	RunNs, RestNs float64
}

// affectedNs is how long arrivals have to wait.
func (s Stall) affectedNs() float64 {
	if s.Utilisation >= 1 {
		return s.RestNs
	}
	return math.Min(s.DurationNs/(1-s.Utilisation), s.RestNs)
}

// Share is the share of the arrivals that wait because of the stall.
func (s Stall) Share() float64 { return s.affectedNs() / s.RunNs }

// Quantile is the q-quantile (0 ≤ q ≤ 1) of the time that the arrivals of the
// run wait: 0 below 1 - Share.
func (s Stall) Quantile(q float64) float64 {
	share := s.Share()
	if share <= 0 || 1-q >= share {
		return 0
	}
	return s.DurationNs - (1-s.Utilisation)*s.affectedNs()*(1-q)/share
}
