package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pollgate/go-fixtures/internal/loadgen/spec"
)

// errFlags stands for errors that the flag package has printed.
var errFlags = errors.New("wrong flags")

// options is the command line. Either it names a spec, or its other flags are one.
type options struct {
	specPath   string
	folder     string
	unattended bool

	url         string
	rate        float64
	closed      bool
	sloP99      time.Duration
	connections int
	duration    time.Duration
	warmUp      time.Duration
	cpus        string
	seed        string
}

func parseOptions(arguments []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("loadgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.specPath, "spec", "", "`file` that says what to send")
	flags.StringVar(&o.folder, "out", "", "`folder` for load.json and load.hlog (required)")
	flags.BoolVar(&o.unattended, "unattended", false, "wait for no commands; print a table instead of events")
	flags.StringVar(&o.url, "url", "", "`http://address:port/path` to load with GET, instead of a spec")
	flags.Float64Var(&o.rate, "rate", 0, "with --url: requests per `second`, arriving at random (Poisson)")
	flags.BoolVar(&o.closed, "closed", false, "with --url, instead of --rate: each connection sends as soon as it has its reply")
	flags.DurationVar(&o.sloP99, "slo-p99", 0, "with --url, instead of --rate: find the highest rate with p99 within this `time`")
	flags.IntVar(&o.connections, "connections", 64, "with --url: `number` of connections")
	flags.DurationVar(&o.duration, "duration", 0, "with --url: `time` of the load (default 10s); with --slo-p99 of a typical probe (default 5s)")
	flags.DurationVar(&o.warmUp, "warm-up", time.Second, "with --rate and --closed: `time` of unrecorded load before, 0 = none")
	flags.StringVar(&o.cpus, "cpus", "", "with --url: `numbers` of CPUs to run on alone, such as 3 or 2,3")
	flags.StringVar(&o.seed, "seed", "", "with --url: `number` that determines the arrivals; default: a new one each time")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return nil, err
	} else if err != nil {
		return nil, errFlags
	}
	return o, o.check(flags)
}

func (o *options) check(flags *flag.FlagSet) error {
	alone := map[string]bool{"spec": true, "out": true, "unattended": true}
	var ofURL []string
	flags.Visit(func(f *flag.Flag) {
		if !alone[f.Name] {
			ofURL = append(ofURL, "--"+f.Name)
		}
	})
	switch {
	case o.folder == "" || flags.NArg() > 0 || (o.specPath == "") == (o.url == ""):
		return errors.New("want --out FOLDER and either --spec FILE or --url URL, and no other words")
	case o.specPath != "" && len(ofURL) > 0:
		return fmt.Errorf("saw --spec with %s, which stands in the spec", strings.Join(ofURL, ", "))
	case o.specPath != "":
		return nil
	}
	o.unattended = true
	if err := o.checkNumbers(flags); err != nil {
		return err
	}
	loads := 0
	for _, given := range []bool{o.rate != 0, o.closed, o.sloP99 != 0} {
		if given {
			loads++
		}
	}
	if loads != 1 {
		return errors.New("want one of --rate N, --closed and --slo-p99 TIME with --url")
	}
	if o.duration == 0 {
		o.duration = 10 * time.Second
		if o.sloP99 > 0 {
			o.duration = 5 * time.Second
		}
	}
	return nil
}

// checkNumbers finds what would pass for «not given», or cannot stand in JSON.
func (o *options) checkNumbers(flags *flag.FlagSet) error {
	var err error
	wrong := func(name, allowed string) {
		err = fmt.Errorf("--%s: saw %s, allowed: %s", name, flags.Lookup(name).Value, allowed)
	}
	flags.Visit(func(f *flag.Flag) {
		switch {
		case f.Name == "rate" && !(o.rate > 0 && o.rate <= searchRange[1]*2):
			wrong("rate", "1 … 2000000")
		case f.Name == "duration" && o.duration <= 0:
			wrong("duration", "a time, such as 10s")
		case f.Name == "warm-up" && o.warmUp < 0:
			wrong("warm-up", "a time, or 0 for none")
		case f.Name == "slo-p99" && o.sloP99 <= 0:
			wrong("slo-p99", "a time, such as 5ms")
		}
	})
	return err
}

// spec reads the file, or makes a spec of the flags.
func (o *options) spec() (*spec.Spec, error) {
	if o.specPath != "" {
		return spec.Read(o.specPath)
	}
	text, err := o.text()
	if err != nil {
		return nil, err
	}
	s, err := spec.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("the flags stand for a spec with these mistakes:\n%w", err)
	}
	return s, nil
}

// searchRange is where --slo-p99 looks for the rate.
var searchRange = [2]float64{100, 1_000_000}

func (o *options) text() ([]byte, error) {
	address, host, path, err := splitURL(o.url)
	if err != nil {
		return nil, err
	}
	seed := o.seed
	if seed == "" {
		seed = strconv.FormatUint(rand.Uint64(), 10)
	}
	type object = map[string]any
	s := object{
		"schema": 2, "protocol": "http1", "seed": seed, "connectionsPerArm": o.connections,
		"arms": []object{{"name": "server", "address": address}},
		"http": object{"path": path, "headers": object{"Host": host}},
	}
	if o.cpus != "" {
		s["cpus"] = json.RawMessage("[" + o.cpus + "]")
	}
	phases := []object{{"name": "load", "durationMs": o.duration.Milliseconds()}}
	if o.warmUp > 0 {
		phases = append([]object{{"name": "warm-up", "durationMs": o.warmUp.Milliseconds(), "record": false}}, phases...)
	}
	switch {
	case o.sloP99 > 0:
		s["search"] = object{"sloP99Ns": o.sloP99.Nanoseconds(), "probeMs": o.duration.Milliseconds(),
			"fromRatePerSec": searchRange[0], "toRatePerSec": searchRange[1]}
	case o.closed:
		s["mode"], s["phases"] = "closed", phases
	default:
		s["ratePerSec"], s["phases"] = o.rate, phases
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("--cpus: saw %q, allowed: numbers with commas between them", o.cpus)
	}
	return text, nil
}

// splitURL resolves a name to the first address that it has.
func splitURL(text string) (address, host, path string, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", "", "", fmt.Errorf("--url: saw %q, allowed: http://address:port/path", text)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	addresses, err := net.LookupHost(u.Hostname())
	if err != nil {
		return "", "", "", fmt.Errorf("--url: %w", err)
	}
	return net.JoinHostPort(addresses[0], port), u.Host, u.RequestURI(), nil
}
