package fault

import (
	"context"
	"time"
)

// context-leak: a request derives a context with a long timeout from the application's, and never
// cancels it. The application's is a type of its own, as in many frameworks: package context must
// then watch it with a goroutine for each child, which lives as long as the timeout.
//
// Kernel: nothing but resident memory, a stack (2 KB and more) per request.
// Runtime: goroutine profile, one goroutine per request in context.(*cancelCtx).propagateCancel
// (select); heap profile: context.WithTimeout and its timers. The goroutineleak profile does not name
// them, for the application's context keeps their channels reachable. (With a parent of package context
// itself there is no goroutine: the leak is in the heap profile only.)
// At this load: 200 goroutines more in each second; latency as the twin's.
var contextLeak = Fault{
	Name: "context-leak", Expect: "context-leak",
	RatePerSec: 200, Connections: 4, VisibleAfterSeconds: 5,
	LookAt: "goroutines in context.(*cancelCtx).propagateCancel, one more per request",
	begin:  beginContextLeak,
}

// application is a context whose Done channel is not one of package context.
type application struct {
	context.Context
	stopped chan struct{}
}

func (a *application) Done() <-chan struct{} { return a.stopped }

func beginContextLeak(s *setting) (*part, error) {
	app := &application{Context: context.Background(), stopped: make(chan struct{})}
	return &part{request: func(context.Context) error {
		ctx, cancel := context.WithTimeout(app, time.Hour)
		if s.correct {
			defer cancel()
		} else {
			_ = cancel // The mistake.
		}
		mix(1, 100)
		return ctx.Err()
	}}, nil
}
