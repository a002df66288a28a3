package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Error is one thing wrong with a spec.
type Error struct {
	Path    string // JSON path, "$.phases[1].durationMs"
	Seen    string // the value as JSON, or "nothing"
	Allowed string
}

func (e Error) Error() string {
	return fmt.Sprintf("%s: saw %s, allowed: %s", e.Path, e.Seen, e.Allowed)
}

// Errors is everything wrong with a spec, in the order of the checks.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// required in the place of a default makes a setting mandatory.
var required any

// span is the least and the greatest value allowed.
type span struct{ least, greatest int64 }

func (s span) String() string {
	if s.least == s.greatest {
		return strconv.FormatInt(s.least, 10)
	}
	return fmt.Sprintf("%d … %d", s.least, s.greatest)
}

type checker struct{ errors Errors }

// wrong notes an error. seen is nil where the setting is missing.
func (c *checker) wrong(path string, seen any, allowed string) {
	const longest = 200
	text := "nothing"
	if seen != nil {
		if encoded, err := json.Marshal(seen); err == nil {
			text = string(encoded)
		}
	}
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	c.errors = append(c.errors, Error{path, text, allowed})
}

// root parses the file as one JSON object.
func (c *checker) root(data []byte) (*object, bool) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // a float64 would bend large integers
	var value any
	if err := decoder.Decode(&value); err != nil {
		c.errors = append(c.errors, Error{"$", fmt.Sprintf("invalid JSON (%v)", err), "a JSON object"})
		return nil, false
	}
	if _, err := decoder.Token(); err != io.EOF {
		c.errors = append(c.errors, Error{"$", "text after the JSON object", "one JSON object"})
		return nil, false
	}
	members, ok := value.(map[string]any)
	if !ok {
		c.wrong("$", value, "a JSON object")
		return nil, false
	}
	return c.newObject("$", members), true
}

// object reads the settings of one JSON object. Its methods note what is wrong
// and return some value of the type, so that one run finds all errors. A null
// counts as missing.
type object struct {
	checker *checker
	path    string
	members map[string]any
	known   map[string]bool
}

func (c *checker) newObject(path string, members map[string]any) *object {
	return &object{c, path, members, map[string]bool{}}
}

func (o *object) get(key string) any {
	o.known[key] = true
	return o.members[key]
}

func (o *object) wrong(key, allowed string) {
	o.checker.wrong(o.path+"."+key, o.members[key], allowed)
}

// saw notes an error with something else to show than the value.
func (o *object) saw(key, seen, allowed string) {
	o.checker.errors = append(o.checker.errors, Error{o.path + "." + key, seen, allowed})
}

// rejectUnknown comes after all settings have been asked for.
func (o *object) rejectUnknown() {
	for _, key := range slices.Sorted(maps.Keys(o.members)) {
		if !o.known[key] {
			o.wrong(key, "no such setting; known are "+strings.Join(slices.Sorted(maps.Keys(o.known)), ", "))
		}
	}
}

func (o *object) integer(key string, fallback any, allowed span) int64 {
	value := o.get(key)
	if value == nil && fallback != required {
		return int64(fallback.(int))
	}
	if number, ok := value.(json.Number); ok {
		n, err := strconv.ParseInt(number.String(), 10, 64)
		if err == nil && n >= allowed.least && n <= allowed.greatest {
			return n
		}
	}
	o.wrong(key, "integer "+allowed.String())
	return allowed.least
}

func (o *object) number(key string, fallback any, allowed span) float64 {
	value := o.get(key)
	if value == nil && fallback != required {
		return fallback.(float64)
	}
	if number, ok := value.(json.Number); ok {
		x, err := number.Float64()
		if err == nil && x >= float64(allowed.least) && x <= float64(allowed.greatest) {
			return x
		}
	}
	o.wrong(key, "number "+allowed.String())
	return float64(allowed.least)
}

// distinctIntegers reads a list of 1 to most integers, no two alike; nil where it
// is missing.
func (o *object) distinctIntegers(key string, most int, allowed span) []int {
	value := o.get(key)
	if value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > most {
		o.wrong(key, fmt.Sprintf("a list of 1 … %d integers", most))
		return nil
	}
	var integers []int
	for i, element := range list {
		path := fmt.Sprintf("%s.%s[%d]", o.path, key, i)
		number, _ := element.(json.Number)
		n, err := strconv.ParseInt(number.String(), 10, 64)
		switch {
		case err != nil || n < allowed.least || n > allowed.greatest:
			o.checker.wrong(path, element, "integer "+allowed.String())
		case slices.Contains(integers, int(n)):
			o.checker.wrong(path, element, "an integer that is not in the list yet")
		}
		integers = append(integers, int(n))
	}
	return integers
}

// refuse notes a setting that has no meaning beside the others.
func (o *object) refuse(key, why string) {
	if o.get(key) != nil {
		o.wrong(key, why)
	}
}

// isRight says whether nothing wrong was noted about these settings so far.
func (o *object) isRight(keys ...string) bool {
	return !slices.ContainsFunc(o.checker.errors, func(e Error) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return e.Path == o.path+"."+key })
	})
}

func (o *object) boolean(key string, fallback bool) bool {
	value := o.get(key)
	if value == nil {
		return fallback
	}
	b, ok := value.(bool)
	if !ok {
		o.wrong(key, "true or false")
	}
	return b
}

func (o *object) oneOf(key string, fallback any, allowed ...string) string {
	value := o.get(key)
	if value == nil && fallback != required {
		return fallback.(string)
	}
	text, ok := value.(string)
	if !ok || !slices.Contains(allowed, text) {
		o.wrong(key, `"`+strings.Join(allowed, `", "`)+`"`)
	}
	return text
}

var decimalDigits = regexp.MustCompile(`^[0-9]+$`)

func (o *object) seed(key string) uint64 {
	text, _ := o.get(key).(string)
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil || !decimalDigits.MatchString(text) {
		o.wrong(key, `a decimal number 0 … 18446744073709551615 as a string, such as "12345"`)
	}
	return seed
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// name reads a name and adds it to those already taken.
func (o *object) name(key string, taken map[string]bool) string {
	text, _ := o.get(key).(string)
	switch {
	case !namePattern.MatchString(text):
		o.wrong(key, `1 … 64 letters, digits, "-" and "_"`)
	case taken[text]:
		o.wrong(key, "a name that no other has")
	}
	taken[text] = true
	return text
}

func (o *object) address(key string) netip.AddrPort {
	text, _ := o.get(key).(string)
	address, err := netip.ParseAddrPort(text)
	if err != nil || address.Port() == 0 || address.Addr().Zone() != "" {
		o.wrong(key, `IP address and port, such as "127.0.0.1:8080" or "[::1]:8080"`)
	}
	return netip.AddrPortFrom(address.Addr().Unmap(), address.Port())
}

var pathPattern = regexp.MustCompile(`^/[!-~]*$`)

// requestPath reads the target of an HTTP request. The pattern keeps spaces and
// line ends out of the request line.
func (o *object) requestPath(key, fallback string) string {
	value := o.get(key)
	if value == nil {
		return fallback
	}
	text, _ := value.(string)
	if !pathPattern.MatchString(text) {
		o.wrong(key, `printable ASCII without spaces that begins with "/"`)
	}
	return text
}

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	headerValue = regexp.MustCompile(`^[\t -~]*$`)
)

// headers reads an object of strings. Headers that the generator sets itself, or
// that would end the connection, are refused.
func (o *object) headers(key string) map[string]string {
	value := o.get(key)
	if value == nil {
		return nil
	}
	members, ok := value.(map[string]any)
	if !ok {
		o.wrong(key, "an object of strings")
		return nil
	}
	headers := map[string]string{}
	inner := o.checker.newObject(o.path+"."+key, members)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		text, isText := members[name].(string)
		switch strings.ToLower(name) {
		case "content-length", "transfer-encoding", "connection", "expect", "upgrade", "pollgate-stamps":
			inner.wrong(name, "no such header: the generator frames its requests and keeps connections alive")
			continue
		}
		if !headerName.MatchString(name) || !isText || !headerValue.MatchString(text) {
			inner.wrong(name, "an HTTP header name with a string of printable ASCII")
			continue
		}
		headers[name] = text
	}
	return headers
}

func (o *object) optionalString(key string) *string {
	value := o.get(key)
	if value == nil {
		return nil
	}
	text, ok := value.(string)
	if !ok {
		o.wrong(key, "a string")
	}
	return &text
}

// object reads a nested object; nil where it is missing.
func (o *object) object(key string, needed bool) *object {
	value := o.get(key)
	if value == nil {
		if needed {
			o.wrong(key, "an object (the protocol needs it)")
		}
		return nil
	}
	members, ok := value.(map[string]any)
	if !ok {
		o.wrong(key, "an object")
		return nil
	}
	return o.checker.newObject(o.path+"."+key, members)
}

// objects reads a list of 1 to most objects.
func (o *object) objects(key string, most int) []*object {
	list, ok := o.get(key).([]any)
	if !ok || len(list) == 0 || len(list) > most {
		o.wrong(key, fmt.Sprintf("a list of 1 … %d objects", most))
		return nil
	}
	var objects []*object
	for i, element := range list {
		path := fmt.Sprintf("%s.%s[%d]", o.path, key, i)
		members, ok := element.(map[string]any)
		if !ok {
			o.checker.wrong(path, element, "an object")
			continue
		}
		objects = append(objects, o.checker.newObject(path, members))
	}
	return objects
}
