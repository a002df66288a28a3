package validity

// Grade of a figure.
type Grade string

const (
	// Valid figures may be quoted, a valid pair compared.
	Valid Grade = "valid"
	// Suspect figures hold an error of a size that matters, or do not describe one
	// steady state. Nothing is wrong with reading on.
	Suspect Grade = "suspect"
	// Invalid ones say nothing.
	Invalid Grade = "invalid"
)

// Cause is who brought the reason about, as far as the figures tell.
type Cause string

const (
	// ByGenerator: it was late, slow or away.
	ByGenerator Cause = "generator"
	// ByServer: it failed requests, or changed its pace.
	ByServer Cause = "server"
	// ByLoad: the phase asks for too little, or for something else than a steady load.
	ByLoad Cause = "load"
	// ByHost: others took the processor, or the clock is at fault.
	ByHost Cause = "host"
)

// Reason is a rule that was broken.
type Reason struct {
	Rule  string  `json:"rule"` // its name, kebab-case
	Grade Grade   `json:"grade"`
	Cause Cause   `json:"cause"`
	Seen  float64 `json:"seen"`
	Limit float64 `json:"limit"`
	Unit  string  `json:"unit"` // of Seen and Limit: "ns", "ratio", "count" or "perSec"
	Text  string  `json:"text"` // for people, with both figures
}

// worst grade of the reasons; Valid where there is none.
func worst(reasons []Reason) Grade {
	grade := Valid
	for _, r := range reasons {
		if r.Grade == Invalid {
			return Invalid
		}
		grade = Suspect
	}
	return grade
}

// concat joins lists of reasons; the result is never nil, so that JSON has [].
func concat(lists ...[]Reason) []Reason {
	all := []Reason{}
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// over is the reason that a time is over its limit.
func over(rule string, cause Cause, what string, seenNs, limitNs int64) Reason {
	return Reason{rule, Suspect, cause, float64(seenNs), float64(limitNs), "ns",
		what + " " + nsText(seenNs) + " is over " + nsText(limitNs)}
}
