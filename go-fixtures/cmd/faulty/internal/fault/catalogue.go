package fault

import (
	"encoding/json"
	"io"
)

// All are the faults, by what they concern: connections and descriptors, HTTP, goroutines, CPU, I/O.
// Each entry stands in the file of its fault.
var All = []Fault{
	connectionLeak, fileLeak, dupLeak, idleConnections,
	connectionReuseHTTP1, keepAliveOff, poolTooSmall, http2StreamsRefused,
	goroutineLeak, contextLeak, channelWait, lockConvoy,
	spin, gomaxprocsTooLow, gomaxprocsAboveQuota, cpuHog, gcPressure, timerStorm,
	slowStorage, slowPeer, synchronousDNS, smallWrites, nagleDelayedACK, retransmits, syscallStorm,
}

// listed is what --list says about a fault.
type listed struct {
	Name string `json:"name"`
	// Arguments start the fault, TwinArguments its correct twin.
	Arguments     []string `json:"arguments"`
	TwinArguments []string `json:"twinArguments"`
	// Expect is the cause that a diagnosis should name for the fault, and for the twin should not.
	Expect              string `json:"expect"`
	RatePerSec          int    `json:"ratePerSec"`
	Connections         int    `json:"connections"`
	VisibleAfterSeconds int    `json:"visibleAfterSeconds"`
	Needs               []Need `json:"needs"`
	LookAt              string `json:"lookAt"`
}

// PrintList writes all faults as a JSON array.
func PrintList(w io.Writer) error {
	list := make([]listed, len(All))
	for i, f := range All {
		list[i] = listed{
			Name: f.Name, Arguments: []string{"--fault", f.Name}, TwinArguments: []string{"--fault", f.Name, "--correct"},
			Expect: f.Expect, RatePerSec: f.RatePerSec, Connections: f.Connections,
			VisibleAfterSeconds: f.VisibleAfterSeconds, Needs: append([]Need{}, f.Needs...), LookAt: f.LookAt,
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}
